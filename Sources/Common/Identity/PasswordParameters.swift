/// What one Argon2id hash costs (RFC 9106).
public struct PasswordParameters: Hashable, Sendable {
    /// m: memory in KiB, held while a hash runs.
    public let memory: UInt32
    /// t: passes over that memory.
    public let passes: UInt32
    /// p: lanes. They are computed one after the other in the calling thread's time, so 1 is the sensible value.
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

    /// Reads the parameters of an encoded hash, `$argon2id$v=19$m=…,t=…,p=…$salt$hash`; nil for any other form.
    public init?(encoded: String) {
        let parts = encoded.split(separator: "$", omittingEmptySubsequences: false)
        guard parts.count == 6, parts[0].isEmpty, parts[1] == "argon2id", parts[2] == "v=19" else { return nil }
        let costs = parts[3].split(separator: ",")
        guard costs.count == 3,
            let memory = PasswordParameters.cost("m", costs[0]), let passes = PasswordParameters.cost("t", costs[1]),
            let lanes = PasswordParameters.cost("p", costs[2])
        else { return nil }
        self.init(memory: memory, passes: passes, lanes: lanes)
    }

    private static func cost(_ name: Character, _ text: Substring) -> UInt32? {
        guard text.first == name, text.dropFirst().first == "=" else { return nil }
        return UInt32(text.dropFirst(2))
    }
}
