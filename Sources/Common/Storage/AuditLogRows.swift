import Domain
import Postgres

/// A row of the audit log.
public struct AuditRecord: Sendable {
    public let id: Int64
    /// The account or the API key; nil for the command line.
    public let actorID: Identifier?
    public let actor: String
    public let action: String
    public let subject: String
    /// A JSON object.
    public let details: String
    public let requestID: String?
    public let createdAt: Timestamp
}

/// The audit log, for reading; it is written by the transactions of the actions themselves (`AuditEntry`).
public struct AuditLog: Sendable {
    /// Which rows to list; nil means any.
    public struct Filter: Sendable {
        public var actorID: Identifier?
        public var action: String?
        public var subject: String?
        public var from: Timestamp?
        public var before: Timestamp?

        public init() {}
    }

    let postgres: PostgresClient

    public init(_ postgres: PostgresClient) {
        self.postgres = postgres
    }

    /// Rows by their numbers, the newest first.
    ///
    /// - Parameter cursor: the number of the last row of the page before.
    /// - Throws: `PostgresError`.
    public func list(
        _ filter: Filter = Filter(), before cursor: Int64? = nil, limit: Int
    ) async throws -> [AuditRecord] {
        let conditions: [SQL] = ["audit_id < \(cursor ?? .max)"] + AuditLog.conditions(filter)
        return try await read(conditions, order: "audit_id DESC", limit: limit).map(\.record)
    }

    /// Where somebody who follows the log has come to.
    public struct Position: Sendable, Hashable {
        /// When the row's transaction began, in microseconds since 1970.
        public let microseconds: Int64
        public let id: Int64

        public init(microseconds: Int64, id: Int64) {
            self.microseconds = microseconds
            self.id = id
        }

        /// Before every row there is.
        public static let start = Position(microseconds: ListPosition.start.microseconds, id: 0)

        var time: SQL { ListPosition(microseconds: microseconds, id: ListPosition.start.id).time }
    }

    /// Rows in the order in which their transactions began, for whoever follows the log: asked with the position of the last
    /// row it has seen, it gives every row once, whatever commits late (`FollowHorizon`). The numbers alone would not do: a
    /// transaction may commit after another one that was given a greater number.
    ///
    /// - Returns: the rows, each with its position; fewer than `limit` if there are no more for now.
    /// - Throws: `PostgresError`.
    public func follow(
        _ filter: Filter = Filter(), after cursor: Position, limit: Int
    ) async throws -> [(record: AuditRecord, position: Position)] {
        let horizon = try await FollowHorizon.read(postgres)
        let conditions: [SQL] = [
            "(created_at, audit_id) > (\(cursor.time), \(cursor.id))", "created_at < \(horizon.time)",
        ]
        return try await read(
            conditions + AuditLog.conditions(filter), order: "created_at, audit_id", limit: limit)
    }

    private static func conditions(_ filter: Filter) -> [SQL] {
        var conditions: [SQL] = []
        if let actorID = filter.actorID { conditions.append("actor_id = \(actorID)") }
        if let action = filter.action { conditions.append("action = \(action)") }
        if let subject = filter.subject { conditions.append("subject = \(subject)") }
        if let from = filter.from { conditions.append("created_at >= \(from)") }
        if let before = filter.before { conditions.append("created_at < \(before)") }
        return conditions
    }

    private func read(
        _ conditions: [SQL], order: String, limit: Int
    ) async throws -> [(record: AuditRecord, position: Position)] {
        try await postgres.query(
            """
            SELECT audit_id, actor_id, actor, action, subject, details::text, request_id, created_at,
                \(unsafe: ListPosition.microseconds(of: "created_at"))
            FROM auth.audit_log WHERE \(SQL(joining: conditions, by: " AND "))
            ORDER BY \(unsafe: order) LIMIT \(limit)
            """, operation: "list the audit log"
        ).map { row in
            let record = AuditRecord(
                id: try row.decode(0), actorID: try row.decodeIfPresent(1), actor: try row.decode(2),
                action: try row.decode(3), subject: try row.decode(4), details: try row.decode(5),
                requestID: try row.decodeIfPresent(6), createdAt: try row.decode(7))
            return (record: record, position: Position(microseconds: try row.decode(8), id: record.id))
        }
    }

    /// Writes a row by itself, for an action that happens elsewhere than in Postgres: before it, as an intent, since
    /// an action without its row would be worse than a row whose action then failed.
    ///
    /// - Throws: `PostgresError`.
    public func write(_ entry: AuditEntry) async throws {
        _ = try await postgres.query(entry.insertion, operation: "write the audit log")
    }
}
