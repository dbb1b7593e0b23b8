import Domain
import Postgres

/// Sign-ins that were accepted and are not known to be recorded yet. A row goes when its event is in the event table, so
/// what a flushed stream forgets is published again.
public struct SignInOutbox: Sendable {
    /// More rows than this are not taken: the front answers 503 instead.
    public static let defaultLimit: Int64 = 1_000_000
    /// How long ago a sign-in was published before it may be published again.
    public static let patience = Duration.seconds(5)

    let postgres: PostgresClient

    public init(_ postgres: PostgresClient) {
        self.postgres = postgres
    }

    /// The statement that adds events, for a transaction that changes something with them; it returns the numbers of
    /// the rows. Two rows may carry one event id: whether they are the same event is found behind the stream.
    public static func insertion(of events: [SignInEvent]) -> SQL {
        """
        INSERT INTO auth.outbox (event_id, event_type, user_id, occurred_at, traceparent, request_id)
        SELECT * FROM unnest(\(events.map(\.id)), \(events.map(\.type.name)), \(events.map(\.userID)),
            \(events.map(\.occurredAt)), \(events.map(\.origin.traceparent)), \(events.map(\.origin.requestID)))
            AS e (id, event_type, user_id, at, traceparent, request_id)
        RETURNING outbox_id
        """
    }

    /// Keeps the events until they are published.
    ///
    /// - Returns: the numbers of the rows, for `published`.
    /// - Throws: `PostgresError`; after one whose `outcomeIsUnknown`, sending the same again is safe.
    public func add(_ events: [SignInEvent]) async throws -> [Int64] {
        try await postgres.query(SignInOutbox.insertion(of: events), operation: "keep sign-ins").map {
            try $0.decode(0)
        }
    }

    /// Notes that the events of these rows are in the stream.
    ///
    /// - Throws: `PostgresError`; what is not noted is published again by the relay, which does no harm.
    public func published(_ rows: [Int64]) async throws {
        _ = try await postgres.query(
            """
            UPDATE auth.outbox SET published_at = now() WHERE outbox_id = ANY(ARRAY(
                SELECT outbox_id FROM auth.outbox WHERE outbox_id = ANY(\(rows)) AND published_at IS NULL
                FOR UPDATE SKIP LOCKED))
            """, operation: "note published sign-ins")
    }

    /// Publishes rows older than `age` that were not published, and notes it in the same transaction: only when `publish`
    /// has returned. Rows that another relay holds are left to it.
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
                SELECT \(unsafe: SignInOutbox.columns) FROM auth.outbox
                WHERE published_at IS NULL AND created_at <= now() - \(milliseconds) * interval '1 millisecond'
                ORDER BY published_at, outbox_id LIMIT \(limit) FOR UPDATE SKIP LOCKED
                """
            ).map(Row.init)
            guard !rows.isEmpty else {
                try await transaction.rollback()
                return 0
            }
            try await publish(rows.map(\.event))
            _ = try await transaction.commit(after: [SignInOutbox.note(rows)])
            return rows.count
        }
    }

    /// Looks at a page of rows that were published: removes those whose events are recorded, and publishes again what was
    /// published longer than `patience` before `horizon` and still is not.
    ///
    /// - Parameters:
    ///   - horizon: the time of the oldest entry that the progress group has not finished; see
    ///     `CompletionOutbox.publishLost`.
    ///   - cursor: the `next` of the page before, or 0 to begin.
    ///   - recorded: of these events, those that are in the event table.
    /// - Returns: how many were removed and how many published, and where to go on if there are more.
    /// - Throws: `PostgresError`, and what the two closures throw; then all stays as it is.
    public func settle(
        before horizon: Timestamp, after cursor: Int64 = 0, limit: Int = 1_000,
        recorded: @Sendable ([SignInEvent]) async throws -> Set<Identifier>,
        publish: @Sendable ([SignInEvent]) async throws -> Void
    ) async throws -> (removed: Int, published: Int, next: Int64?) {
        let bound = horizon.advanced(bySeconds: -SignInOutbox.patience.components.seconds)
        return try await postgres.transaction(operation: "settle published sign-ins") { transaction in
            let rows = try await transaction.query(
                """
                SELECT \(unsafe: SignInOutbox.columns), published_at <= \(bound) FROM auth.outbox
                WHERE outbox_id > \(cursor) AND published_at <= now()
                ORDER BY outbox_id LIMIT \(limit) FOR UPDATE SKIP LOCKED
                """
            ).map { (row: try Row($0), isOld: try $0.decode(7, as: Bool.self)) }
            let next = rows.count == limit ? rows.last?.row.number : nil
            let done = rows.isEmpty ? [] : try await recorded(rows.map(\.row.event))
            let removed = rows.filter { done.contains($0.row.event.id) }.map(\.row)
            let lost = rows.filter { $0.isOld && !done.contains($0.row.event.id) }.map(\.row)
            guard !removed.isEmpty || !lost.isEmpty else {
                try await transaction.rollback()
                return (0, 0, next)
            }
            if !lost.isEmpty { try await publish(lost.map(\.event)) }
            _ = try await transaction.commit(after: [SignInOutbox.note(lost), SignInOutbox.removal(of: removed)])
            return (removed.count, lost.count, next)
        }
    }

    private static func note(_ rows: [Row]) -> SQL {
        "UPDATE auth.outbox SET published_at = now() WHERE outbox_id = ANY(\(rows.map(\.number)))"
    }

    private static func removal(of rows: [Row]) -> SQL {
        "DELETE FROM auth.outbox WHERE outbox_id = ANY(\(rows.map(\.number)))"
    }

    /// An event as its row is found.
    public typealias Key = (id: Identifier, userID: Identifier, type: String)

    /// Leaves the rows of events alone that are about to become dead letters: they must not come a second time.
    ///
    /// - Throws: `PostgresError`.
    public func bury(_ events: [Key]) async throws {
        _ = try await postgres.query(
            """
            UPDATE auth.outbox o SET published_at = 'infinity'
            FROM unnest(\(events.map(\.id)), \(events.map(\.userID)), \(events.map(\.type)))
                AS e (event_id, user_id, event_type)
            WHERE o.event_id = e.event_id AND o.user_id = e.user_id AND o.event_type = e.event_type
            """, operation: "leave buried sign-ins alone")
    }

    /// Looks after an event again whose dead letter is about to be retried.
    ///
    /// - Throws: `PostgresError`.
    public func revive(_ event: Key) async throws {
        _ = try await postgres.query(
            """
            UPDATE auth.outbox SET published_at = now() WHERE published_at = 'infinity' AND event_id = \(event.id)
                AND user_id = \(event.userID) AND event_type = \(event.type)
            """, operation: "look after a retried sign-in")
    }

    /// Forgets an event whose dead letter is about to be dropped, or retried as another event.
    ///
    /// - Throws: `PostgresError`.
    public func forget(_ event: Key) async throws {
        _ = try await postgres.query(
            """
            DELETE FROM auth.outbox WHERE published_at = 'infinity' AND event_id = \(event.id)
                AND user_id = \(event.userID) AND event_type = \(event.type)
            """, operation: "forget a dropped sign-in")
    }

    /// Makes up to `limit` rows due that were published before `time`: the stream may have lost them.
    ///
    /// - Parameter buried: whether also those that a dead letter held.
    static func recall(before time: Timestamp, buried: Bool, limit: Int) -> SQL {
        """
        UPDATE auth.outbox SET published_at = NULL WHERE outbox_id = ANY(ARRAY(
            SELECT outbox_id FROM auth.outbox
            WHERE published_at < \(time) OR \(buried) AND published_at = 'infinity'
            ORDER BY outbox_id LIMIT \(limit) FOR UPDATE SKIP LOCKED))
        RETURNING 1
        """
    }

    /// How many sign-ins wait to be published or recorded, and the age of the oldest in seconds; not those that a dead
    /// letter holds.
    ///
    /// - Throws: `PostgresError`.
    public func backlog() async throws -> Backlog {
        try Backlog(
            await postgres.query(
                """
                SELECT count(*), coalesce(extract(epoch FROM now() - min(created_at)), 0)::float8 FROM auth.outbox
                WHERE published_at IS DISTINCT FROM 'infinity'
                """, operation: "count kept sign-ins"))
    }

    /// How many sign-ins are not in the stream yet, as far as is noted.
    ///
    /// - Throws: `PostgresError`.
    public func unpublished() async throws -> Int64 {
        try await postgres.query(
            "SELECT count(*) FROM auth.outbox WHERE published_at IS NULL", operation: "count unpublished sign-ins"
        ).first?.decode(0) ?? 0
    }

    /// In the order in which `Row` reads them.
    private static let columns = "outbox_id, event_id, event_type, user_id, occurred_at, traceparent, request_id"

    private struct Row: Sendable {
        let number: Int64
        let event: SignInEvent

        init(_ row: PostgresRow) throws {
            guard let type = EventType(try row.decode(2, as: String.self)) else {
                throw PostgresError(.decoding, operation: "read a kept sign-in", message: "is not an event type")
            }
            number = try row.decode(0)
            event = SignInEvent(
                id: try row.decode(1), type: type, userID: try row.decode(3), occurredAt: try row.decode(4),
                origin: EventOrigin(traceparent: try row.decodeIfPresent(5), requestID: try row.decodeIfPresent(6)))
        }
    }
}
