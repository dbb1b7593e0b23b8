import Domain
import Postgres

/// Places in the outboxes, to ask whether everything up to there has gone, whatever is added meanwhile.
public struct OutboxMarks: Sendable {
    let postgres: PostgresClient

    public init(_ postgres: PostgresClient) {
        self.postgres = postgres
    }

    /// The number of the last sign-in that is kept for publishing; nil if none is.
    ///
    /// - Throws: `PostgresError`.
    public func lastSignIn() async throws -> Int64? {
        try await postgres.query("SELECT max(outbox_id) FROM auth.outbox", operation: "mark kept sign-ins")
            .first?.decodeIfPresent(0)
    }

    /// How many sign-ins up to that one are still kept, those not among them that a dead letter holds.
    ///
    /// - Throws: `PostgresError`.
    public func signIns(through last: Int64) async throws -> Int64 {
        try await postgres.query(
            """
            SELECT count(*) FROM auth.outbox
            WHERE outbox_id <= \(last) AND published_at IS DISTINCT FROM 'infinity'
            """, operation: "count kept sign-ins"
        ).first?.decode(0) ?? 0
    }

    /// The database's time, to the next millisecond: every row that can be seen now was made before.
    ///
    /// - Throws: `PostgresError`.
    public func now() async throws -> Timestamp {
        let now: Timestamp? = try await postgres.query(
            "SELECT now() + interval '1 millisecond'", operation: "mark waiting completions"
        ).first?.decode(0)
        return now ?? .now
    }

    /// How many completions that were made until then have no claim yet, those not among them that a dead letter holds.
    ///
    /// - Throws: `PostgresError`.
    public func completions(through time: Timestamp) async throws -> Int64 {
        try await postgres.query(
            """
            SELECT count(*) FROM processing.outbox WHERE created_at <= \(time) AND published_at < 'infinity'
            """, operation: "count waiting completions"
        ).first?.decode(0) ?? 0
    }
}
