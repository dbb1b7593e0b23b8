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

/// The catalog at one moment, and what has changed since the read models were last brought up to it.
public struct CatalogState: Sendable {
    public let edition: CatalogEdition
    /// Whether the edition asked about is an earlier state of this catalog, or this one.
    public let isDescendant: Bool
    /// The oldest changes that are not carried yet.
    public let changes: [CatalogChange]
    /// Whether there are more than `changes`.
    public let hasMore: Bool
    /// The number of the last row of the outbox; nil if it is empty.
    public let last: Int64?

    /// Whether `changes` are all that lies between `known` and this state: each revision is one change.
    public func follows(_ known: CatalogEdition?) -> Bool {
        guard let known, isDescendant, !hasMore else { return false }
        return Int64(changes.count { $0.revision > known.revision }) == edition.revision - known.revision
    }
}

/// Changes of the catalog that have not reached the read models yet.
public struct CatalogOutbox: Sendable {
    /// More changes than this are not carried one by one.
    public static let limit = 1_000

    let postgres: PostgresClient

    public init(_ postgres: PostgresClient) {
        self.postgres = postgres
    }

    /// Reads everything from one snapshot, rows included that another process is carrying at the moment.
    ///
    /// - Throws: `PostgresError`.
    public func state(since known: CatalogEdition?) async throws -> CatalogState {
        let rows = try await postgres.query(
            """
            SELECT c.revision, c.edition, EXISTS (SELECT FROM catalog.editions e
                    WHERE e.revision = \(known?.revision) AND e.edition = \(known?.id)),
                (SELECT max(outbox_id) FROM catalog.outbox), o.subject, o.subject_id, o.revision
            FROM catalog.revision c
            LEFT JOIN (SELECT * FROM catalog.outbox ORDER BY outbox_id LIMIT \(CatalogOutbox.limit + 1)) o ON true
            ORDER BY o.outbox_id
            """, operation: "read catalog changes")
        guard let first = rows.first else {
            throw PostgresError(.decoding, operation: "read catalog changes", message: "catalog.revision is empty")
        }
        let changes = try rows.compactMap { row -> CatalogChange? in
            guard let name = try row.decodeIfPresent(4, as: String.self),
                let subject = CatalogChange.Subject(rawValue: name)
            else { return nil }
            return CatalogChange(subject: subject, subjectID: try row.decode(5), revision: try row.decode(6))
        }
        return CatalogState(
            edition: CatalogEdition(revision: try first.decode(0), id: try first.decode(1)),
            isDescendant: try first.decode(2), changes: Array(changes.prefix(CatalogOutbox.limit)),
            hasMore: changes.count > CatalogOutbox.limit, last: try first.decodeIfPresent(3))
    }

    /// Forgets changes that are carried. Numbers are given in the order of the commits, for every change holds the
    /// catalog's lock; rows that another process is removing are left to it.
    ///
    /// - Throws: `PostgresError`.
    public func remove(through last: Int64) async throws {
        _ = try await postgres.query(
            """
            DELETE FROM catalog.outbox WHERE outbox_id IN
                (SELECT outbox_id FROM catalog.outbox WHERE outbox_id <= \(last) FOR UPDATE SKIP LOCKED)
            """, operation: "remove catalog changes")
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
