import Domain
import Postgres

/// Sign-ins that were accepted but not yet seen in the stream.
public struct SignInOutbox: Sendable {
    /// More rows than this are not taken: the front answers 503 instead.
    public static let defaultLimit: Int64 = 1_000_000

    let postgres: PostgresClient

    public init(_ postgres: PostgresClient) {
        self.postgres = postgres
    }

    /// The statement that adds events, for a transaction that changes something with them; it returns the numbers of
    /// the rows. Two rows may carry one event id: whether they are the same event is found behind the stream.
    public static func insertion(of events: [SignInEvent]) -> SQL {
        """
        INSERT INTO auth.outbox (event_id, event_type, user_id, occurred_at, traceparent)
        SELECT * FROM unnest(\(events.map(\.id)), \(events.map(\.type.name)), \(events.map(\.userID)),
            \(events.map(\.occurredAt)), \(events.map(\.traceparent))) AS e (id, event_type, user_id, at, traceparent)
        RETURNING outbox_id
        """
    }

    /// Keeps the events until they are published.
    ///
    /// - Returns: the numbers of the rows, for `remove`.
    /// - Throws: `PostgresError`; after one whose `outcomeIsUnknown`, sending the same again is safe.
    public func add(_ events: [SignInEvent]) async throws -> [Int64] {
        try await postgres.query(SignInOutbox.insertion(of: events), operation: "keep sign-ins").map {
            try $0.decode(0)
        }
    }

    /// Removes rows whose events are in the stream.
    ///
    /// - Throws: `PostgresError`; what stays is published again by the relay, which does no harm.
    public func remove(_ rows: [Int64]) async throws {
        _ = try await postgres.query(
            """
            DELETE FROM auth.outbox WHERE outbox_id = ANY(ARRAY(
                SELECT outbox_id FROM auth.outbox WHERE outbox_id = ANY(\(rows)) FOR UPDATE SKIP LOCKED))
            """, operation: "remove published sign-ins")
    }

    /// Publishes rows older than `age` and removes them in one transaction: they go only when `publish` has returned.
    /// Rows that another relay holds are left to it.
    ///
    /// - Returns: how many were published.
    /// - Throws: `PostgresError`, and what `publish` throws.
    public func publishDue(
        olderThan age: Duration = .seconds(1), limit: Int = 1_000,
        _ publish: @Sendable ([SignInEvent]) async throws -> Void
    ) async throws -> Int {
        let milliseconds = age.components.seconds * 1_000 + age.components.attoseconds / 1_000_000_000_000_000
        return try await postgres.transaction(operation: "publish kept sign-ins") { transaction in
            let rows = try await transaction.query(
                """
                SELECT event_id, event_type, user_id, occurred_at, traceparent, outbox_id FROM auth.outbox
                WHERE created_at <= now() - \(milliseconds) * interval '1 millisecond'
                LIMIT \(limit) FOR UPDATE SKIP LOCKED
                """)
            let events = try rows.map(SignInOutbox.event)
            guard !events.isEmpty else {
                try await transaction.rollback()
                return 0
            }
            try await publish(events)
            _ = try await transaction.commit(after: [
                "DELETE FROM auth.outbox WHERE outbox_id = ANY(\(try rows.map { try $0.decode(5, as: Int64.self) }))"
            ])
            return events.count
        }
    }

    /// How many sign-ins wait, and the age of the oldest in seconds.
    ///
    /// - Throws: `PostgresError`.
    public func backlog() async throws -> Backlog {
        try Backlog(
            await postgres.query(
                """
                SELECT count(*), coalesce(extract(epoch FROM now() - min(created_at)), 0)::float8 FROM auth.outbox
                """, operation: "count kept sign-ins"))
    }

    private static func event(_ row: PostgresRow) throws -> SignInEvent {
        let name: String = try row.decode(1)
        guard let type = EventType(name) else {
            throw PostgresError(.decoding, operation: "read a kept sign-in", message: "is not an event type")
        }
        return SignInEvent(
            id: try row.decode(0), type: type, userID: try row.decode(2), occurredAt: try row.decode(3),
            traceparent: try row.decodeIfPresent(4))
    }
}
