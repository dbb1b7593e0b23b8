/// How the whole installation stands, as `status` and `GET /status` show it; as JSON with the verdict, `healthy`.
public struct SystemStatus: Encodable, Sendable {
    public struct Consumer: Encodable, Sendable {
        public let name: String
        public let pending: Int
        public let idleMilliseconds: Int64

        private enum CodingKeys: String, CodingKey {
            case name
            case pending
            case idleMilliseconds = "idle_ms"
        }
    }

    public struct Group: Encodable, Sendable {
        public let stream: String
        public let group: String
        /// Whether the group exists; a missing one is made by the first worker.
        public let exists: Bool
        /// Entries in the stream, acknowledged ones included.
        public let length: Int
        /// Entries not delivered to any worker yet.
        public let lag: Int
        /// Entries delivered and not acknowledged.
        public let pending: Int
        /// Age of the oldest entry that is not done with, by the stream's own clock.
        public let oldestSeconds: Double?
        public let consumers: [Consumer]

        private enum CodingKeys: String, CodingKey {
            case stream
            case group
            case exists
            case length
            case lag
            case pending
            case oldestSeconds = "oldest_seconds"
            case consumers
        }
    }

    /// Something that Redis has lost and nobody has dismissed.
    public struct Loss: Encodable, Sendable {
        public let id: Int64
        /// All of it in words.
        public let text: String
        public let stream: String
        public let entryID: String?
        /// Without an entry id: at most so many.
        public let atMost: Int64?
        public let lastSeenAt: String?
        public let reason: String
        public let detectedAt: String

        private enum CodingKeys: String, CodingKey {
            case id
            case text
            case stream
            case entryID = "entry_id"
            case atMost = "at_most"
            case lastSeenAt = "last_seen_at"
            case reason
            case detectedAt = "detected_at"
        }
    }

    public struct Outbox: Encodable, Sendable {
        public let name: String
        public let waiting: Int64
        public let oldestSeconds: Double

        private enum CodingKeys: String, CodingKey {
            case name
            case waiting
            case oldestSeconds = "oldest_seconds"
        }
    }

    /// One bound on the connections to Postgres, and what counts against it.
    public struct Connections: Encodable, Sendable {
        public let limit: String
        public let allowed: Int
        public let processes: Int
        /// What those processes may open.
        public let pools: Int
        /// What anybody else holds now.
        public let others: Int
    }

    public internal(set) var groups: [Group] = []
    public internal(set) var outboxes: [Outbox] = []
    public internal(set) var deadLetters: Int?
    /// The newest of them, at most `lossLimit`.
    public internal(set) var losses: [Loss] = []
    public internal(set) var lossCount: Int64 = 0
    public internal(set) var catalogRevision: Int64?
    public internal(set) var schemaVersion: Int32?
    /// Server settings weaker than what Questline promises; empty is good.
    public internal(set) var durabilityWarnings: [String] = []
    /// Of the server, of our role and of the database, as far as they have one.
    public internal(set) var connections: [Connections] = []
    /// What may run out once all pools are full; nothing is wrong yet.
    public internal(set) var connectionWarnings: [String] = []
    /// What could not be asked, and why.
    public internal(set) var unreachable: [String] = []

    /// What needs a person soon, one sentence each.
    public internal(set) var alarms: [String] = []

    public static let lossLimit = 100

    /// Whether nothing needs a person: all was reachable, no dead letters, no losses, no warnings.
    public var isHealthy: Bool {
        unreachable.isEmpty && durabilityWarnings.isEmpty && alarms.isEmpty && deadLetters == 0 && lossCount == 0
    }

    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(isHealthy, forKey: .healthy)
        try values.encode(groups, forKey: .groups)
        try values.encode(outboxes, forKey: .outboxes)
        try values.encodeIfPresent(deadLetters, forKey: .deadLetters)
        try values.encode(losses, forKey: .losses)
        try values.encode(lossCount, forKey: .lossCount)
        try values.encode(alarms, forKey: .alarms)
        try values.encodeIfPresent(catalogRevision, forKey: .catalogRevision)
        try values.encodeIfPresent(schemaVersion, forKey: .schemaVersion)
        try values.encode(durabilityWarnings, forKey: .durabilityWarnings)
        try values.encode(connections, forKey: .connections)
        try values.encode(connectionWarnings, forKey: .connectionWarnings)
        try values.encode(unreachable, forKey: .unreachable)
    }

    private enum CodingKeys: String, CodingKey {
        case healthy
        case groups
        case outboxes
        case deadLetters = "dead_letters"
        case losses
        case lossCount = "loss_count"
        case alarms
        case catalogRevision = "catalog_revision"
        case schemaVersion = "schema_version"
        case durabilityWarnings = "durability_warnings"
        case connections
        case connectionWarnings = "connection_warnings"
        case unreachable
    }
}
