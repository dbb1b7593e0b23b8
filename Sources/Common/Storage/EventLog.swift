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
    /// - Parameter cursor: recording time in microseconds since 1970 and id of the last row of the page before.
    /// - Returns: the events and the cursor of each.
    /// - Throws: `PostgresError`.
    public func list(
        _ filter: Filter, after cursor: (microseconds: Int64, id: Identifier)? = nil, limit: Int
    ) async throws -> [(event: RecordedEvent, cursor: (microseconds: Int64, id: Identifier))] {
        let conditions = EventLog.conditions(filter, after: cursor)
        return try await postgres.query(
            """
            SELECT id, user_id, event_type, "timestamp", recorded_at, catalog_revision, event_data::text,
                (extract(epoch FROM recorded_at) * 1000000)::bigint
            FROM processing.events WHERE \(conditions)
            ORDER BY recorded_at DESC, id DESC LIMIT \(limit)
            """, operation: "list events"
        ).map { row in
            let event = RecordedEvent(
                id: try row.decode(0), userID: try row.decode(1), type: try row.decode(2),
                occurredAt: try row.decode(3), recordedAt: try row.decode(4), catalogRevision: try row.decode(5),
                data: try row.decodeIfPresent(6))
            return (event: event, cursor: (microseconds: try row.decode(7), id: event.id))
        }
    }

    /// Only the conditions asked for, so that the planner sees which index serves.
    private static func conditions(
        _ filter: Filter, after cursor: (microseconds: Int64, id: Identifier)?
    ) -> SQL {
        var conditions: [SQL] = ["true"]
        if let userID = filter.userID { conditions.append("user_id = \(userID)") }
        if let type = filter.type { conditions.append("event_type = \(type)") }
        if let from = filter.recordedFrom { conditions.append("recorded_at >= \(from)") }
        if let before = filter.recordedBefore { conditions.append("recorded_at < \(before)") }
        if let cursor {
            conditions.append(
                """
                (recorded_at, id) < ('epoch'::timestamptz + \(cursor.microseconds) * interval '1 microsecond', \
                \(cursor.id))
                """)
        }
        return SQL(joining: conditions, by: " AND ")
    }
}
