import Domain
import Postgres

/// A key that other servers use; only its hash is stored.
public struct APIKeyRow: Sendable {
    public let id: Identifier
    public let name: String
    public let hash: [UInt8]
    /// Nil for a key that came from the settings or from the command line.
    public let createdBy: Identifier?
    public let createdAt: Timestamp
    public let revokedAt: Timestamp?
}

public struct APIKeyRows: Sendable {
    let postgres: PostgresClient

    public init(_ postgres: PostgresClient) {
        self.postgres = postgres
    }

    /// The keys that are valid now.
    ///
    /// - Throws: `PostgresError`.
    public func valid() async throws -> [APIKeyRow] {
        try await postgres.query(
            "SELECT \(unsafe: Self.columns) FROM auth.api_keys WHERE revoked_at IS NULL", operation: "read API keys"
        ).map(Self.row)
    }

    /// All keys by id, revoked ones too.
    ///
    /// - Parameter cursor: the id of the last key of the page before.
    /// - Throws: `PostgresError`.
    public func list(after cursor: Identifier? = nil, limit: Int) async throws -> [APIKeyRow] {
        try await postgres.query(
            """
            SELECT \(unsafe: Self.columns) FROM auth.api_keys
            WHERE \(cursor) IS NULL OR key_id > \(cursor) ORDER BY key_id LIMIT \(limit)
            """, operation: "list API keys"
        ).map(Self.row)
    }

    /// Adds a key unless its hash is known already.
    ///
    /// - Parameter actor: for the audit log; an account becomes the key's creator. Only a test has none.
    /// - Returns: nil if the hash is known.
    /// - Throws: `PostgresError`.
    @discardableResult
    public func add(
        id: Identifier, name: String, hash: [UInt8], by actor: Actor? = nil
    ) async throws -> APIKeyRow? {
        let audited: SQL
        if let actor {
            let entry = AuditEntry(actor, "api-key.create", subject: "\(id)", details: ["name": .text(name)])
            audited = ", audited AS (\(entry.insertion(per: "added")))"
        } else {
            audited = ""
        }
        return try await postgres.query(
            """
            WITH added AS (
                INSERT INTO auth.api_keys (key_id, name, key_hash, created_by)
                VALUES (\(id), \(name), \(hash), \(actor?.id)) ON CONFLICT (key_hash) DO NOTHING
                RETURNING \(unsafe: Self.columns)
            )\(audited)
            SELECT \(unsafe: Self.columns) FROM added
            """, operation: "add an API key"
        ).first.map(Self.row)
    }

    /// Ends a key for good. Ending it again does nothing.
    ///
    /// - Returns: false if there is no such key.
    /// - Throws: `PostgresError`.
    public func revoke(_ id: Identifier, by actor: Actor) async throws -> Bool {
        let entry = AuditEntry(actor, "api-key.revoke", subject: "\(id)")
        return try await postgres.query(
            """
            WITH revoked AS (
                UPDATE auth.api_keys SET revoked_at = now() WHERE key_id = \(id) AND revoked_at IS NULL RETURNING key_id
            ), audited AS (\(entry.insertion(per: "revoked")))
            SELECT EXISTS (SELECT FROM auth.api_keys WHERE key_id = \(id))
            """, operation: "revoke an API key"
        ).first?.decode(0) ?? false
    }

    private static let columns = "key_id, name, key_hash, created_by, created_at, revoked_at"

    private static func row(_ row: PostgresRow) throws -> APIKeyRow {
        APIKeyRow(
            id: try row.decode(0), name: try row.decode(1), hash: try row.decode(2),
            createdBy: try row.decodeIfPresent(3), createdAt: try row.decode(4), revokedAt: try row.decodeIfPresent(5))
    }
}
