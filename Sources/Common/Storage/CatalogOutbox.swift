import Domain
import Postgres

/// A quest or a reward that was written, and at which revision.
public struct CatalogChange: Sendable {
    public enum Subject: String, Sendable {
        case quest
        case reward
    }

    public let subject: Subject
    public let subjectID: Identifier
    public let revision: Int64
}

/// Changes of the catalog that have not reached the read models yet.
public struct CatalogOutbox: Sendable {
    let postgres: PostgresClient

    public init(_ postgres: PostgresClient) {
        self.postgres = postgres
    }

    /// Hands the oldest changes to `carry` and removes them when it returns; rows that another process holds are left to
    /// it.
    ///
    /// - Returns: how many were carried.
    /// - Throws: `PostgresError`, and what `carry` throws.
    public func take(limit: Int = 100, _ carry: @Sendable ([CatalogChange]) async throws -> Void) async throws -> Int {
        try await postgres.transaction(operation: "carry catalog changes") { transaction in
            let rows = try await transaction.query(
                """
                SELECT outbox_id, subject, subject_id, revision FROM catalog.outbox
                ORDER BY outbox_id LIMIT \(limit) FOR UPDATE SKIP LOCKED
                """)
            guard !rows.isEmpty else {
                try await transaction.rollback()
                return 0
            }
            let changes = try rows.compactMap { row -> CatalogChange? in
                guard let subject = CatalogChange.Subject(rawValue: try row.decode(1)) else { return nil }
                return CatalogChange(subject: subject, subjectID: try row.decode(2), revision: try row.decode(3))
            }
            try await carry(changes)
            let ids = try rows.map { try $0.decode(0, as: Int64.self) }
            _ = try await transaction.commit(after: ["DELETE FROM catalog.outbox WHERE outbox_id = ANY(\(ids))"])
            return rows.count
        }
    }

    /// - Throws: `PostgresError`.
    public func backlog() async throws -> Backlog {
        try Backlog(
            await postgres.query(
                """
                SELECT count(*), coalesce(extract(epoch FROM now() - min(created_at)), 0)::float8 FROM catalog.outbox
                """, operation: "count catalog changes"))
    }
}
