import Domain
import Postgres

/// A key that other servers use; only its hash is stored.
public struct APIKeyRow: Sendable {
    public let id: Identifier
    public let name: String
    public let hash: [UInt8]
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
            "SELECT key_id, name, key_hash, created_at, revoked_at FROM auth.api_keys WHERE revoked_at IS NULL",
            operation: "read API keys"
        ).map { row in
            APIKeyRow(
                id: try row.decode(0), name: try row.decode(1), hash: try row.decode(2), createdAt: try row.decode(3),
                revokedAt: try row.decodeIfPresent(4))
        }
    }

    /// Adds a key unless its hash is known already.
    ///
    /// - Returns: whether it was added.
    /// - Throws: `PostgresError`.
    public func add(id: Identifier, name: String, hash: [UInt8], createdBy: Identifier? = nil) async throws -> Bool {
        try await postgres.query(
            """
            INSERT INTO auth.api_keys (key_id, name, key_hash, created_by)
            VALUES (\(id), \(name), \(hash), \(createdBy)) ON CONFLICT (key_hash) DO NOTHING
            """, operation: "add an API key"
        ).affectedRows == 1
    }
}
