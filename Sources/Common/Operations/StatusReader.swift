import Domain
import Postgres
import Redis
import Storage
import Streams

/// Beyond what `status` raises an alarm, and the janitor does more than usual.
public struct StatusLimits: Sendable {
    /// A longer stream is trimmed of what is acknowledged, whatever its age and whoever else reads it.
    public let retainedEntries: Int
    /// More dead letters than this are an alarm; they are kept all the same.
    public let deadLetters: Int

    /// Reads QUESTLINE_RETENTION_ENTRIES and QUESTLINE_DEAD_LETTER_LIMIT.
    ///
    /// - Parameter integer: the setting of a name, with its default and its range.
    public init(_ integer: (_ name: String, _ fallback: Int, _ range: ClosedRange<Int>) -> Int) {
        retainedEntries = integer("QUESTLINE_RETENTION_ENTRIES", 1_000_000, 0...1_000_000_000)
        deadLetters = integer("QUESTLINE_DEAD_LETTER_LIMIT", 1_000, 0...1_000_000_000)
    }
}

/// Asks Redis and Postgres how they stand.
public struct StatusReader: Sendable {
    private let postgres: PostgresClient
    private let streams: RedisClient
    private let keys: StreamKeys
    private let limits: StatusLimits

    public init(postgres: PostgresClient, streams: RedisClient, keys: StreamKeys, limits: StatusLimits) {
        self.postgres = postgres
        self.streams = streams
        self.keys = keys
        self.limits = limits
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
            status.alarms += state.groups.compactMap { alarm(of: $0, on: stream, ours: name) }
        }
        let letters = try await DeadLetters(streams, keys: keys).count()
        status.deadLetters = letters
        if letters > 0 {
            let many = letters == 1 ? "1 dead letter waits" : "\(letters) dead letters wait"
            let excess = letters > limits.deadLetters ? ", more than \(limits.deadLetters)" : ""
            status.alarms.append("\(many) for a person\(excess): questline-worker dead-letters")
        }
        status.durabilityWarnings += try await Durability.weaknesses(streams)
    }

    /// What is wrong with a group that is not ours: ours are never overridden.
    private func alarm(of group: StreamStatus.Group, on stream: String, ours: String) -> String? {
        guard group.name != ours, group.lag + group.pending > limits.retainedEntries else { return nil }
        return "the group \(group.name) is \(group.lag + group.pending) entries behind on \(stream): "
            + "beyond \(limits.retainedEntries) they are trimmed all the same"
    }

    private func readDatabase(_ status: inout SystemStatus) async throws {
        let version = try await Migrator.version(of: postgres)
        status.schemaVersion = version
        status.durabilityWarnings += try await DatabaseDurability.weaknesses(postgres)
        let budget = try await ConnectionBudget.read(postgres)
        status.connections = budget.shares.map {
            SystemStatus.Connections(
                limit: $0.limit, allowed: $0.allowed, processes: $0.processes, pools: $0.pools, others: $0.others)
        }
        status.connectionWarnings = budget.warnings
        if let fault = NotMigrated(version: version) {
            status.alarms.append(fault.description)
            return
        }
        let backlogs = [
            ("auth.outbox", try await SignInOutbox(postgres).backlog()),
            ("processing.outbox", try await CompletionOutbox(postgres).backlog()),
            ("catalog.outbox", try await CatalogOutbox(postgres).backlog()),
        ]
        status.outboxes = backlogs.map { name, backlog in
            SystemStatus.Outbox(name: name, waiting: backlog.count, oldestSeconds: backlog.oldestSeconds)
        }
        status.catalogRevision = try await QuestRows(postgres).revision()
        let losses = Losses(postgres)
        status.lossCount = try await losses.count()
        status.losses = try await losses.open(limit: SystemStatus.lossLimit).map(SystemStatus.Loss.init)
        if status.lossCount > 0 {
            let many = status.lossCount == 1 ? "1 loss waits" : "\(status.lossCount) losses wait"
            status.alarms.append("\(many) for a person: questline-worker losses")
        }
    }
}

extension SystemStatus.Loss {
    init(_ loss: Loss) {
        self.init(
            id: loss.id, text: loss.description, stream: loss.stream, entryID: loss.entryID, atMost: loss.atMost,
            lastSeenAt: loss.lastSeenAt?.description, reason: loss.reason, detectedAt: loss.detectedAt.description)
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
