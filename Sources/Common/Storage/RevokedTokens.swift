import Domain
import Postgres

/// Tokens that were signed out before they expired.
public struct RevokedTokens: Sendable {
    let postgres: PostgresClient

    public init(_ postgres: PostgresClient) {
        self.postgres = postgres
    }

    /// - Throws: `PostgresError`.
    public func revoke(_ jti: Identifier, of userID: Identifier, expiresAt: Timestamp) async throws {
        _ = try await postgres.query(
            """
            INSERT INTO auth.revoked_tokens (jti, user_id, expires_at) VALUES (\(jti), \(userID), \(expiresAt))
            ON CONFLICT (jti) DO NOTHING
            """, operation: "revoke a token")
    }

    /// Forgets tokens that have expired.
    ///
    /// - Returns: how many.
    /// - Throws: `PostgresError`.
    public func prune() async throws -> Int {
        try await postgres.query(
            "DELETE FROM auth.revoked_tokens WHERE expires_at < now() - interval '1 hour'",
            operation: "prune revoked tokens"
        ).affectedRows
    }
}
