import Domain
import Postgres

/// Completions that have no claim yet. A row is written with the completion and removed with the claim, so what a
/// flushed stream forgets is published again.
public struct CompletionOutbox: Sendable {
    let postgres: PostgresClient

    public init(_ postgres: PostgresClient) {
        self.postgres = postgres
    }

    /// How long ago a completion was published before it may be published again.
    public static let patience = Duration.seconds(5)

    /// Publishes again what was published longer than `patience` before `horizon` and still has no claim.
    ///
    /// Rows that another relay holds are left to it. The rows stay locked while `publish` runs; when it throws, they are
    /// due as before.
    ///
    /// - Parameter horizon: the time of the oldest entry that the claims group has not finished. What was published before
    ///   it and has no claim is no longer in the stream; what was published after it may just be waiting there, however
    ///   long that takes. Now, if the group has finished everything.
    /// - Returns: how many were published.
    /// - Throws: `PostgresError`, and what `publish` throws.
    public func publishLost(
        before horizon: Timestamp, limit: Int = 1_000, _ publish: @Sendable ([Completion]) async throws -> Void
    ) async throws -> Int {
        let bound = horizon.advanced(bySeconds: -CompletionOutbox.patience.components.seconds)
        return try await postgres.transaction(operation: "publish completions again") { transaction in
            let rows = try await transaction.query(
                """
                SELECT \(unsafe: Completion.columns) FROM processing.outbox WHERE published_at <= \(bound)
                LIMIT \(limit) FOR UPDATE SKIP LOCKED
                """)
            let completions = try rows.map { try Completion(id: try $0.decode(0), row: $0, from: 1) }
            guard !completions.isEmpty else {
                try await transaction.rollback()
                return 0
            }
            try await publish(completions)
            _ = try await transaction.commit(after: [
                "UPDATE processing.outbox SET published_at = now() WHERE event_id = ANY(\(completions.map(\.id)))"
            ])
            return completions.count
        }
    }

    /// Leaves completions alone that are about to become dead letters: they must not come a second time.
    ///
    /// - Throws: `PostgresError`.
    public func bury(_ ids: [Identifier]) async throws {
        _ = try await postgres.query(
            "UPDATE processing.outbox SET published_at = 'infinity' WHERE event_id = ANY(\(ids))",
            operation: "leave buried completions alone")
    }

    /// Looks after a completion again whose dead letter is about to be retried.
    ///
    /// - Throws: `PostgresError`.
    public func revive(_ id: Identifier) async throws {
        _ = try await postgres.query(
            "UPDATE processing.outbox SET published_at = now() WHERE event_id = \(id) AND published_at = 'infinity'",
            operation: "look after a retried completion")
    }

    /// Makes up to `limit` rows due that were published before `time`: the stream may have lost them.
    ///
    /// - Parameter buried: whether also those that a dead letter held.
    static func recall(before time: Timestamp, buried: Bool, limit: Int) -> SQL {
        """
        UPDATE processing.outbox SET published_at = '-infinity' WHERE event_id = ANY(ARRAY(
            SELECT event_id FROM processing.outbox
            WHERE published_at > '-infinity' AND (published_at < \(time) OR \(buried) AND published_at = 'infinity')
            ORDER BY event_id LIMIT \(limit) FOR UPDATE SKIP LOCKED))
        RETURNING 1
        """
    }

    /// How many completions wait for their claim, not those that a dead letter holds, and the age of the oldest in seconds.
    ///
    /// - Throws: `PostgresError`.
    public func backlog() async throws -> Backlog {
        try Backlog(
            await postgres.query(
                """
                SELECT count(*), coalesce(extract(epoch FROM now() - min(created_at)), 0)::float8
                FROM processing.outbox WHERE published_at < 'infinity'
                """, operation: "count waiting completions"))
    }

    /// Removes the rows of completions that have a claim now, in the transaction that made it.
    static func removal(of ids: [Identifier]) -> SQL {
        // Locked in the order of the ids, so that two claims workers cannot wait for one another.
        """
        DELETE FROM processing.outbox WHERE event_id = ANY(ARRAY(
            SELECT event_id FROM processing.outbox WHERE event_id = ANY(\(ids)) ORDER BY event_id FOR UPDATE))
        """
    }
}

/// How much waits in an outbox.
public struct Backlog: Sendable {
    public let count: Int64
    public let oldestSeconds: Double

    init(_ rows: PostgresResult) throws {
        count = try rows.first?.decode(0) ?? 0
        oldestSeconds = try rows.first?.decode(1) ?? 0
    }
}
