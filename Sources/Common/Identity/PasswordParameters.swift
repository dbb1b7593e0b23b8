/// What one Argon2id hash costs (RFC 9106).
public struct PasswordParameters: Hashable, Sendable {
    /// m: memory in KiB, held while a hash runs.
    public let memory: UInt32
    /// t: passes over that memory.
    public let passes: UInt32
    /// p: lanes, computed one after the other in one thread, so that 1 is the sensible value.
    public let lanes: UInt32

    public init(memory: UInt32 = 19_456, passes: UInt32 = 2, lanes: UInt32 = 1) {
        self.memory = memory
        self.passes = passes
        self.lanes = lanes
    }

    /// 19 MiB, two passes, one lane: OWASP's first choice for Argon2id.
    public static let standard = PasswordParameters()

    /// The most that a stored hash may ask for: a row of the database must not be able to exhaust the process.
    static let ceiling = PasswordParameters(memory: 262_144, passes: 16, lanes: 4)

    func isWithin(_ other: PasswordParameters) -> Bool {
        memory <= other.memory && passes <= other.passes && lanes <= other.lanes
    }
}
