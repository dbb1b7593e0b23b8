import Domain
import Postgres

/// A row of the event table.
public struct RecordedEvent: Sendable {
    public let id: Identifier
    public let userID: Identifier
    public let type: String
    public let occurredAt: Timestamp
    public let recordedAt: Timestamp
    public let catalogRevision: Int64
    /// A JSON object, or nil.
    public let data: String?
}

/// The event table, for reading.
public struct EventLog: Sendable {
    /// Which events to list; nil means any.
    public struct Filter: Sendable {
        public var userID: Identifier?
        public var type: String?
        public var recordedFrom: Timestamp?
        public var recordedBefore: Timestamp?

        public init(
            userID: Identifier? = nil, type: String? = nil, recordedFrom: Timestamp? = nil,
            recordedBefore: Timestamp? = nil
        ) {
            self.userID = userID
            self.type = type
            self.recordedFrom = recordedFrom
            self.recordedBefore = recordedBefore
        }
    }

    let postgres: PostgresClient

    public init(_ postgres: PostgresClient) {
        self.postgres = postgres
    }

    /// A page of events.
    public struct Page: Sendable {
        /// Each with its position.
        public let rows: [(event: RecordedEvent, position: ListPosition)]
        /// How far the table was looked through in vain, if that is why there are fewer rows than asked for: where to go on.
        public let lookedThrough: ListPosition?
    }

    /// Events, the last recorded first.
    ///
    /// A row is never changed, so whoever walks pages meets every event once that was there at the first page. Events that
    /// are committed meanwhile may or may not appear.
    ///
    /// - Parameter cursor: the position of the last row of the page before.
    /// - Throws: `PostgresError`.
    public func list(_ filter: Filter, after cursor: ListPosition? = nil, limit: Int) async throws -> Page {
        var conditions = EventLog.conditions(filter)
        if let cursor { conditions.append("(recorded_at, id) < (\(cursor.time), \(cursor.id))") }
        return try await read(conditions, type: filter.type, order: "recorded_at DESC, id DESC", limit: limit)
    }

    /// Events, the first recorded first, for whoever follows the table: asked with the position of the last event it has
    /// seen, it gives every event once, whatever commits late. Events that a transaction still running could overtake are
    /// held back (`FollowHorizon`).
    ///
    /// - Returns: fewer rows than `limit` if there are no more for now.
    /// - Throws: `PostgresError`.
    public func follow(_ filter: Filter, after cursor: ListPosition, limit: Int) async throws -> Page {
        // Read first: what had ended by then is visible to a statement that begins now.
        let horizon = try await FollowHorizon.read(postgres)
        var conditions = EventLog.conditions(filter)
        conditions.append("(recorded_at, id) > (\(cursor.time), \(cursor.id))")
        conditions.append("recorded_at < \(horizon.time)")
        return try await read(conditions, type: filter.type, order: "recorded_at, id", limit: limit)
    }

    /// No index leads to a type. A page looks for it among so many events at most; a rare one is found on a later page.
    static let lookedAt = 20_000

    private func read(_ conditions: [SQL], type: String?, order: String, limit: Int) async throws -> Page {
        let all = SQL(joining: conditions, by: " AND ")
        guard let type else {
            let rows = try await postgres.query(
                EventLog.select("processing.events WHERE \(all)", order, limit), operation: "list events")
            return Page(rows: try rows.map(EventLog.row), lookedThrough: nil)
        }
        // Both from one snapshot: a row that comes in between would move the end.
        let results = try await postgres.transaction(operation: "list events of a type") { transaction in
            try await transaction.commit(after: [
                "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY",
                EventLog.select(
                    """
                    (SELECT * FROM processing.events WHERE \(all) ORDER BY \(unsafe: order)
                        LIMIT \(EventLog.lookedAt)) AS events WHERE event_type = \(type)
                    """, order, limit),
                EventLog.select("processing.events WHERE \(all)", order, 1, offset: EventLog.lookedAt - 1),
            ])
        }
        let rows = try results[1].map(EventLog.row)
        return Page(
            rows: rows, lookedThrough: rows.count < limit ? try results[2].first.map(EventLog.row)?.position : nil)
    }

    private static func select(_ source: SQL, _ order: String, _ limit: Int, offset: Int = 0) -> SQL {
        """
        SELECT id, user_id, event_type, "timestamp", recorded_at, catalog_revision, event_data::text,
            \(unsafe: ListPosition.microseconds(of: "recorded_at"))
        FROM \(source) ORDER BY \(unsafe: order) OFFSET \(offset) LIMIT \(limit)
        """
    }

    private static func row(_ row: PostgresRow) throws -> (event: RecordedEvent, position: ListPosition) {
        let event = RecordedEvent(
            id: try row.decode(0), userID: try row.decode(1), type: try row.decode(2), occurredAt: try row.decode(3),
            recordedAt: try row.decode(4), catalogRevision: try row.decode(5), data: try row.decodeIfPresent(6))
        return (event: event, position: ListPosition(microseconds: try row.decode(7), id: event.id))
    }

    /// Only the conditions asked for, so that the planner sees which index serves; not the type, which none does.
    private static func conditions(_ filter: Filter) -> [SQL] {
        var conditions: [SQL] = ["true"]
        if let userID = filter.userID { conditions.append("user_id = \(userID)") }
        if let from = filter.recordedFrom { conditions.append("recorded_at >= \(from)") }
        if let before = filter.recordedBefore { conditions.append("recorded_at < \(before)") }
        return conditions
    }
}
