import Domain
import Postgres

/// How far a stream was at one instant.
public struct StreamPosition: Sendable, Hashable {
    public struct Group: Sendable, Hashable {
        public let name: String
        public let lastDelivered: String
        public let entriesRead: Int64?
        public let pending: Int64

        public init(name: String, lastDelivered: String, entriesRead: Int64?, pending: Int64) {
            self.name = name
            self.lastDelivered = lastDelivered
            self.entriesRead = entriesRead
            self.pending = pending
        }
    }

    public let stream: String
    /// Which life of the server it is.
    public let generation: String
    public let entriesAdded: Int64
    /// Of the newest entry, as the server writes it.
    public let lastID: String
    /// Entries that the group had not acknowledged; nil if the server could not tell.
    public let undone: Int64?
    public let group: Group?

    public init(
        stream: String, generation: String, entriesAdded: Int64, lastID: String, undone: Int64?, group: Group? = nil
    ) {
        self.stream = stream
        self.generation = generation
        self.entriesAdded = entriesAdded
        self.lastID = lastID
        self.undone = undone
        self.group = group
    }
}

/// A position as it was written down, and when.
public struct SeenPosition: Sendable {
    public let position: StreamPosition
    public let seenAt: Timestamp
}

/// A stream that is no longer what it was.
public struct StreamGap: Sendable {
    public let stream: String
    /// In words, as in `the server has a new generation`.
    public let reason: String
    /// What was undone when it was last seen.
    public let atMost: Int64?
    public let lastSeenAt: Timestamp
    /// Whether nothing else knows what is missing, so that it has to be named.
    public let isLoss: Bool
    /// Whether it is the dead letters that are gone, which held events back.
    public let isOfLetters: Bool

    /// - Parameter kept: how many of the undone ones stand elsewhere, and will be published again from there.
    public init(_ seen: SeenPosition, reason: String, isLoss: Bool, kept: Int64 = 0, isOfLetters: Bool = false) {
        stream = seen.position.stream
        self.reason = reason
        atMost = seen.position.undone.map { max(0, $0 - kept) }
        lastSeenAt = seen.seenAt
        // When everything that was undone stands elsewhere, what came after does too.
        self.isLoss = isLoss && (kept == 0 || atMost != 0)
        self.isOfLetters = isOfLetters
    }
}

/// Where the streams were when they were last seen, so that what a lost stream held can be measured, and put back where
/// the outboxes still have it.
public struct StreamPositions: Sendable {
    /// Any number that nothing else locks on.
    private static let lock = 5_173_000_003

    let postgres: PostgresClient

    public init(_ postgres: PostgresClient) {
        self.postgres = postgres
    }

    /// Compares what is seen now with what was seen last, and writes it down. Of several processes one at a time does so;
    /// it looks while it has its turn, so that nobody's older look is taken for a loss.
    ///
    /// When there is a gap, in the same transaction: losses are noted, and a recall of both outboxes is begun, which
    /// `recall` carries out.
    ///
    /// - Parameter look: given what was seen last, tells what is there now and what has gone.
    /// - Returns: the gaps, noted now and never again; nil when it was another one's turn.
    /// - Throws: `PostgresError`, and what `look` throws.
    public func keep(
        _ look: @Sendable ([SeenPosition]) async throws -> (now: [StreamPosition], gaps: [StreamGap])
    ) async throws -> [StreamGap]? {
        try await postgres.transaction(operation: "keep the positions of the streams") { transaction in
            let turn = try await transaction.query("SELECT pg_try_advisory_xact_lock(\(StreamPositions.lock))")
            guard try turn.first?.decode(0, as: Bool.self) == true else {
                try await transaction.rollback()
                return nil
            }
            let seen = try await transaction.query(
                """
                SELECT stream, generation, entries_added, last_id, undone, seen_at FROM processing.stream_positions
                """
            ).map { row in
                SeenPosition(
                    position: StreamPosition(
                        stream: try row.decode(0), generation: try row.decode(1), entriesAdded: try row.decode(2),
                        lastID: try row.decode(3), undone: try row.decodeIfPresent(4)), seenAt: try row.decode(5))
            }
            let (now, gaps) = try await look(seen)
            var statements = [StreamPositions.write(now), StreamPositions.write(groupsOf: now)]
            if !gaps.isEmpty {
                statements += [
                    StreamPositions.note(gaps.filter(\.isLoss)),
                    "INSERT INTO processing.recalls (buried) VALUES (\(gaps.contains(where: \.isOfLetters)))",
                ]
            }
            _ = try await transaction.commit(after: statements)
            return gaps
        }
    }

    /// Makes a page of what was published before the oldest gap due again.
    ///
    /// - Returns: whether there may be more.
    /// - Throws: `PostgresError`.
    public func recall(limit: Int = 5_000) async throws -> Bool {
        let recalls = try await postgres.query(
            """
            SELECT recall_id, published_before + interval '1 millisecond', buried FROM processing.recalls
            ORDER BY recall_id LIMIT 1
            """, operation: "list recalls")
        guard let recall = recalls.first else { return false }
        let (time, buried): (Timestamp, Bool) = (try recall.decode(1), try recall.decode(2))
        let completions = try await postgres.query(
            CompletionOutbox.recall(before: time, buried: buried, limit: limit), operation: "recall completions")
        let signIns = try await postgres.query(
            SignInOutbox.recall(before: time, buried: buried, limit: limit), operation: "recall sign-ins")
        guard completions.isEmpty, signIns.isEmpty else { return true }
        let id: Int64 = try recall.decode(0)
        _ = try await postgres.query(
            "DELETE FROM processing.recalls WHERE recall_id = \(id)", operation: "end a recall")
        return true
    }

    private static func write(_ positions: [StreamPosition]) -> SQL {
        """
        INSERT INTO processing.stream_positions (stream, generation, entries_added, last_id, undone, seen_at)
        SELECT *, clock_timestamp() FROM unnest(\(positions.map(\.stream)), \(positions.map(\.generation)),
            \(positions.map(\.entriesAdded)), \(positions.map(\.lastID)), \(positions.map(\.undone)))
        ON CONFLICT (stream) DO UPDATE SET generation = EXCLUDED.generation, entries_added = EXCLUDED.entries_added,
            last_id = EXCLUDED.last_id, undone = EXCLUDED.undone, seen_at = EXCLUDED.seen_at
        """
    }

    private static func write(groupsOf positions: [StreamPosition]) -> SQL {
        let groups = positions.compactMap { position in position.group.map { (position.stream, $0) } }
        return """
            INSERT INTO processing.group_positions (stream, group_name, last_delivered, entries_read, pending, seen_at)
            SELECT *, clock_timestamp() FROM unnest(\(groups.map(\.0)), \(groups.map(\.1.name)),
                \(groups.map(\.1.lastDelivered)), \(groups.map(\.1.entriesRead)), \(groups.map(\.1.pending)))
            ON CONFLICT (stream, group_name) DO UPDATE SET last_delivered = EXCLUDED.last_delivered,
                entries_read = EXCLUDED.entries_read, pending = EXCLUDED.pending, seen_at = EXCLUDED.seen_at
            """
    }

    private static func note(_ losses: [StreamGap]) -> SQL {
        """
        INSERT INTO processing.losses (stream, at_most, last_seen_at, reason)
        SELECT * FROM unnest(\(losses.map(\.stream)), \(losses.map(\.atMost)), \(losses.map(\.lastSeenAt)),
            \(losses.map(\.reason)))
        """
    }
}
