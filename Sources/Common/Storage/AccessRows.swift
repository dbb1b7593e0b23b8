import Domain
import Postgres

/// What a front reads again and again to know whose tokens have become void.
extension RevokedTokens {
    /// The tokens revoked in the last `seconds` that have not expired by themselves.
    ///
    /// - Throws: `PostgresError`.
    public func revoked(inLastSeconds seconds: Int64) async throws -> [(jti: Identifier, expiresAt: Timestamp)] {
        try await postgres.query(
            """
            SELECT jti, expires_at FROM auth.revoked_tokens
            WHERE revoked_at > now() - \(seconds) * interval '1 second' AND expires_at > now()
            """, operation: "read revoked tokens"
        ).map { (jti: try $0.decode(0), expiresAt: try $0.decode(1)) }
    }

    /// The people whose tokens from before a moment became void in the last `seconds`, and that moment.
    ///
    /// - Throws: `PostgresError`.
    public func validFrom(inLastSeconds seconds: Int64) async throws -> [(userID: Identifier, moment: Timestamp)] {
        try await postgres.query(
            """
            SELECT user_id, tokens_valid_from FROM auth.users
            WHERE tokens_valid_from > '1970-01-01T00:00:00Z'
                AND tokens_valid_from > now() - \(seconds) * interval '1 second'
            """, operation: "read void tokens"
        ).map { (userID: try $0.decode(0), moment: try $0.decode(1)) }
    }
}

extension Users {
    /// Stores the same password under another hash, unless the password was changed meanwhile. Tokens stay valid.
    ///
    /// - Throws: `PostgresError`.
    public func replaceHash(_ old: String, by new: String, of id: Identifier) async throws {
        _ = try await postgres.query(
            "UPDATE auth.users SET password_hash = \(new) WHERE user_id = \(id) AND password_hash = \(old)",
            operation: "replace a password hash")
    }
}
