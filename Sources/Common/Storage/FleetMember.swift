/// What a process tells of itself in `application_name`: whoever looks into `pg_stat_activity` sees whose a session is, and
/// how many sessions its process may open. `questline-front pool=10 id=5f1c09aa`.
public struct FleetMember: Hashable, Sendable {
    /// The executable.
    public let kind: String
    /// Connections that the process may open, all its pools together.
    public let pool: Int
    /// Of this start of the process.
    public let id: String

    public init(kind: String, pool: Int) {
        let digits = String(UInt32.random(in: .min ... .max), radix: 16)
        self.init(kind: kind, pool: pool, id: String(repeating: "0", count: 8 - digits.count) + digits)
    }

    init(kind: String, pool: Int, id: String) {
        self.kind = kind
        self.pool = pool
        self.id = id
    }

    /// nil for whatever is not one of our long-running processes, or an older version of it.
    init?(applicationName: String) {
        let words = applicationName.split(separator: " ", omittingEmptySubsequences: false)
        guard words.count == 3, words[0].hasPrefix("questline-"), words[1].hasPrefix("pool="),
            words[2].hasPrefix("id="),
            let pool = Int(words[1].dropFirst(5)), (1...10_000).contains(pool)
        else { return nil }
        self.init(kind: String(words[0]), pool: pool, id: String(words[2].dropFirst(3)))
    }

    public var applicationName: String { "\(kind) pool=\(pool) id=\(id)" }
}
