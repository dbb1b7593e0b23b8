import Postgres

/// Whether a commit survives a crash of the server.
public enum DatabaseDurability {
    /// Settings under which it may not, in words; empty is good.
    ///
    /// - Throws: `PostgresError`.
    public static func weaknesses(_ postgres: PostgresClient) async throws -> [String] {
        let rows = try await postgres.query(
            """
            SELECT name || '=' || setting FROM pg_settings
            WHERE name IN ('synchronous_commit', 'fsync', 'full_page_writes') AND setting = 'off' ORDER BY name
            """, operation: "read durability")
        return try rows.map { "Postgres has \(try $0.decode(0, as: String.self)): commits may be lost" }
    }
}
