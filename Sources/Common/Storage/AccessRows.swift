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
            WHERE revoked_at > now() - \(seconds) * interval '1 second'
                AND expires_at > now() - \(Self.clockDifference) * interval '1 second'
            """, operation: "read revoked tokens"
        ).map { (jti: try $0.decode(0), expiresAt: try $0.decode(1)) }
    }

    /// Seconds by which the clocks of a front and the database may differ.
    public static let clockDifference: Int64 = 600

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
