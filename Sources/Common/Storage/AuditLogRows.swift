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
        var conditions: [SQL] = ["audit_id < \(cursor ?? .max)"]
        if let actorID = filter.actorID { conditions.append("actor_id = \(actorID)") }
        if let action = filter.action { conditions.append("action = \(action)") }
        if let subject = filter.subject { conditions.append("subject = \(subject)") }
        if let from = filter.from { conditions.append("created_at >= \(from)") }
        if let before = filter.before { conditions.append("created_at < \(before)") }
        return try await postgres.query(
            """
            SELECT audit_id, actor_id, actor, action, subject, details::text, request_id, created_at
            FROM auth.audit_log WHERE \(SQL(joining: conditions, by: " AND ")) ORDER BY audit_id DESC LIMIT \(limit)
            """, operation: "list the audit log"
        ).map { row in
            AuditRecord(
                id: try row.decode(0), actorID: try row.decodeIfPresent(1), actor: try row.decode(2),
                action: try row.decode(3), subject: try row.decode(4), details: try row.decode(5),
                requestID: try row.decodeIfPresent(6), createdAt: try row.decode(7))
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
