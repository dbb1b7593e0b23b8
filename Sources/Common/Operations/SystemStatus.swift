import Domain
import Postgres
import Redis
import Storage
import Streams

/// How the whole installation stands, as `status` and `GET /status` show it.
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

    public internal(set) var groups: [Group] = []
    public internal(set) var outboxes: [Outbox] = []
    public internal(set) var deadLetters: Int?
    public internal(set) var catalogRevision: Int64?
    public internal(set) var schemaVersion: Int32?
    /// Server settings weaker than what Questline promises; empty is good.
    public internal(set) var durabilityWarnings: [String] = []
    /// What could not be asked, and why.
    public internal(set) var unreachable: [String] = []

    /// Whether nothing needs a person: all was reachable, no dead letters, no warnings.
    public var isHealthy: Bool { unreachable.isEmpty && durabilityWarnings.isEmpty && deadLetters == 0 }

    private enum CodingKeys: String, CodingKey {
        case groups
        case outboxes
        case deadLetters = "dead_letters"
        case catalogRevision = "catalog_revision"
        case schemaVersion = "schema_version"
        case durabilityWarnings = "durability_warnings"
        case unreachable
    }
}

/// Asks Redis and Postgres how they stand.
public struct StatusReader: Sendable {
    private let postgres: PostgresClient
    private let streams: RedisClient
    private let keys: StreamKeys

    public init(postgres: PostgresClient, streams: RedisClient, keys: StreamKeys) {
        self.postgres = postgres
        self.streams = streams
        self.keys = keys
    }

    /// What can be learnt now; what is away is named in `unreachable` instead of failing the rest.
    public func read() async -> SystemStatus {
        var status = SystemStatus()
        do { try await readStreams(&status) } catch { status.unreachable.append("Redis: \(error)") }
        do { try await readDatabase(&status) } catch { status.unreachable.append("Postgres: \(error)") }
        return status
    }

    private func readStreams(_ status: inout SystemStatus) async throws {
        let watched = [(keys.signIns, StreamKeys.progressGroup), (keys.completions, StreamKeys.claimsGroup)]
        for (stream, name) in watched {
            let state = try await StreamStatus.read(streams, stream: stream)
            if !state.groups.contains(where: { $0.name == name }) {
                status.groups.append(
                    SystemStatus.Group(
                        stream: stream, group: name, exists: false, length: state.length, lag: state.length, pending: 0,
                        oldestSeconds: nil, consumers: []))
            }
            status.groups += state.groups.map { SystemStatus.Group($0, of: stream, length: state.length) }
        }
        status.deadLetters = try await DeadLetters(streams, keys: keys).count()
        status.durabilityWarnings += try await Durability.weaknesses(streams)
    }

    private func readDatabase(_ status: inout SystemStatus) async throws {
        let backlogs = [
            ("auth.outbox", try await SignInOutbox(postgres).backlog()),
            ("processing.outbox", try await CompletionOutbox(postgres).backlog()),
            ("catalog.outbox", try await CatalogOutbox(postgres).backlog()),
        ]
        status.outboxes = backlogs.map { name, backlog in
            SystemStatus.Outbox(name: name, waiting: backlog.count, oldestSeconds: backlog.oldestSeconds)
        }
        status.catalogRevision = try await QuestRows(postgres).revision()
        status.schemaVersion = try await Migrator.version(of: postgres)
        status.durabilityWarnings += try await DatabaseDurability.weaknesses(postgres)
    }
}

extension SystemStatus.Group {
    init(_ group: StreamStatus.Group, of stream: String, length: Int) {
        self.init(
            stream: stream, group: group.name, exists: true, length: length, lag: group.lag, pending: group.pending,
            oldestSeconds: group.oldestUndone.map { id in
                max(0, Double(Timestamp.now.milliseconds - Int64(clamping: id.milliseconds)) / 1_000)
            },
            consumers: group.consumers.map { consumer in
                SystemStatus.Consumer(
                    name: consumer.name, pending: consumer.pending,
                    idleMilliseconds: Int64(consumer.idle / .milliseconds(1)))
            })
    }
}
