import Domain
import Postgres

/// Something that Redis has lost before it was done with.
public struct Loss: Sendable {
    public let id: Int64
    public let stream: String
    /// The entry, when it is known.
    public let entryID: String?
    /// Else how many at most were undone when the stream was last seen; nil when nobody could tell.
    public let atMost: Int64?
    public let lastSeenAt: Timestamp?
    public let reason: String
    public let detectedAt: Timestamp

    public init(
        id: Int64, stream: String, entryID: String?, atMost: Int64?, lastSeenAt: Timestamp?, reason: String,
        detectedAt: Timestamp
    ) {
        self.id = id
        self.stream = stream
        self.entryID = entryID
        self.atMost = atMost
        self.lastSeenAt = lastSeenAt
        self.reason = reason
        self.detectedAt = detectedAt
    }
}

extension Loss: CustomStringConvertible {
    /// What is lost, of which stream, and why, in words.
    public var description: String {
        if let entryID { return "entry \(entryID) of \(stream): \(reason)" }
        guard let lastSeenAt else { return "\(stream): \(reason)" }
        let count = atMost.map { "up to \($0)" } ?? "an unknown number of"
        return "\(count) entries of \(stream), last seen at \(lastSeenAt), and what came after: \(reason)"
    }
}

/// Losses stay in sight until somebody dismisses them.
public struct Losses: Sendable {
    let postgres: PostgresClient

    public init(_ postgres: PostgresClient) {
        self.postgres = postgres
    }

    /// Notes entries that were pending and whose bodies are gone. One that is noted already is not noted again.
    ///
    /// - Throws: `PostgresError`.
    public func note(_ entryIDs: [String], of stream: String) async throws {
        _ = try await postgres.query(
            """
            INSERT INTO processing.losses (stream, entry_id, reason)
            SELECT \(stream), id, 'deleted from the stream while it was pending' FROM unnest(\(entryIDs)) AS id
            ON CONFLICT (stream, entry_id) DO NOTHING
            """, operation: "note lost entries")
    }

    /// Notes something that has no id and no bound, unless the same is noted already and was not dismissed.
    ///
    /// - Returns: whether it was not noted before.
    /// - Throws: `PostgresError`.
    public func note(_ reason: String, of stream: String) async throws -> Bool {
        try await !postgres.query(
            """
            INSERT INTO processing.losses (stream, reason) VALUES (\(stream), \(reason))
            ON CONFLICT (stream, reason) WHERE dismissed_at IS NULL AND entry_id IS NULL AND last_seen_at IS NULL
            DO NOTHING RETURNING loss_id
            """, operation: "note a loss"
        ).isEmpty
    }

    /// Those that nobody has dismissed, newest first.
    ///
    /// - Throws: `PostgresError`.
    public func open(limit: Int = 1_000) async throws -> [Loss] {
        try await postgres.query(
            """
            SELECT loss_id, stream, entry_id, at_most, last_seen_at, reason, detected_at FROM processing.losses
            WHERE dismissed_at IS NULL ORDER BY loss_id DESC LIMIT \(limit)
            """, operation: "list losses"
        ).map { row in
            Loss(
                id: try row.decode(0), stream: try row.decode(1), entryID: try row.decodeIfPresent(2),
                atMost: try row.decodeIfPresent(3), lastSeenAt: try row.decodeIfPresent(4), reason: try row.decode(5),
                detectedAt: try row.decode(6))
        }
    }

    /// - Returns: how many nobody has dismissed.
    /// - Throws: `PostgresError`.
    public func count() async throws -> Int64 {
        try await postgres.query(
            "SELECT count(*) FROM processing.losses WHERE dismissed_at IS NULL", operation: "count losses"
        ).first?.decode(0) ?? 0
    }

    /// Puts losses out of sight that somebody has looked into; they stay in the table.
    ///
    /// - Parameter ids: nil for all.
    /// - Returns: how many were in sight until now.
    /// - Throws: `PostgresError`.
    public func dismiss(_ ids: [Int64]?, by actor: Actor = .commandLine) async throws -> Int64 {
        try await postgres.transaction(operation: "dismiss losses") { transaction in
            let dismissed = try await transaction.query(
                """
                UPDATE processing.losses SET dismissed_at = now()
                WHERE dismissed_at IS NULL AND (\(ids == nil) OR loss_id = ANY(\(ids ?? []))) RETURNING loss_id
                """
            ).map { try $0.decode(0, as: Int64.self) }.sorted()
            guard !dismissed.isEmpty else { return 0 }
            let entry = AuditEntry(
                actor, "loss.dismiss", subject: "losses",
                details: ["loss_ids": .list(dismissed.map(AuditDetails.Value.number))])
            _ = try await transaction.commit(after: [entry.insertion])
            return Int64(dismissed.count)
        }
    }
}
