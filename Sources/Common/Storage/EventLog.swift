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

    /// Events, the last recorded first.
    ///
    /// A row is never changed, so whoever walks pages meets every event once that was there at the first page. Events that
    /// are committed meanwhile may or may not appear.
    ///
    /// - Parameter cursor: the position of the last row of the page before.
    /// - Returns: the events, each with its position.
    /// - Throws: `PostgresError`.
    public func list(
        _ filter: Filter, after cursor: ListPosition? = nil, limit: Int
    ) async throws -> [(event: RecordedEvent, position: ListPosition)] {
        var conditions = EventLog.conditions(filter)
        if let cursor { conditions.append("(recorded_at, id) < (\(cursor.time), \(cursor.id))") }
        return try await read(conditions, order: "recorded_at DESC, id DESC", limit: limit)
    }

    /// Events, the first recorded first, for whoever follows the table: asked with the position of the last event it has
    /// seen, it gives every event once, whatever commits late. Events that a transaction still running could overtake are
    /// held back (`FollowHorizon`).
    ///
    /// - Returns: the events, each with its position; fewer than `limit` if there are no more for now.
    /// - Throws: `PostgresError`.
    public func follow(
        _ filter: Filter, after cursor: ListPosition, limit: Int
    ) async throws -> [(event: RecordedEvent, position: ListPosition)] {
        // Read first: what had ended by then is visible to a statement that begins now.
        let horizon = try await FollowHorizon.read(postgres)
        var conditions = EventLog.conditions(filter)
        conditions.append("(recorded_at, id) > (\(cursor.time), \(cursor.id))")
        conditions.append("recorded_at < \(horizon.time)")
        return try await read(conditions, order: "recorded_at, id", limit: limit)
    }

    private func read(
        _ conditions: [SQL], order: String, limit: Int
    ) async throws -> [(event: RecordedEvent, position: ListPosition)] {
        try await postgres.query(
            """
            SELECT id, user_id, event_type, "timestamp", recorded_at, catalog_revision, event_data::text,
                \(unsafe: ListPosition.microseconds(of: "recorded_at"))
            FROM processing.events WHERE \(SQL(joining: conditions, by: " AND "))
            ORDER BY \(unsafe: order) LIMIT \(limit)
            """, operation: "list events"
        ).map { row in
            let event = RecordedEvent(
                id: try row.decode(0), userID: try row.decode(1), type: try row.decode(2),
                occurredAt: try row.decode(3), recordedAt: try row.decode(4), catalogRevision: try row.decode(5),
                data: try row.decodeIfPresent(6))
            return (event: event, position: ListPosition(microseconds: try row.decode(7), id: event.id))
        }
    }

    /// Only the conditions asked for, so that the planner sees which index serves.
    private static func conditions(_ filter: Filter) -> [SQL] {
        var conditions: [SQL] = ["true"]
        if let userID = filter.userID { conditions.append("user_id = \(userID)") }
        if let type = filter.type { conditions.append("event_type = \(type)") }
        if let from = filter.recordedFrom { conditions.append("recorded_at >= \(from)") }
        if let before = filter.recordedBefore { conditions.append("recorded_at < \(before)") }
        return conditions
    }
}
