import Postgres

/// What one process does for the whole installation, until it is gone.
public struct Duties: Sendable {
    private let postgres: PostgresClient

    public init(_ postgres: PostgresClient) {
        self.postgres = postgres
    }

    /// Takes a duty that is free, or keeps one's own, by the clock of the database.
    ///
    /// - Parameter seconds: for how long nobody else can take it.
    /// - Returns: whether it is `holder`'s now.
    /// - Throws: `PostgresError`.
    public func take(_ duty: String, for seconds: Int64, as holder: String) async throws -> Bool {
        let rows = try await postgres.query(
            """
            INSERT INTO processing.duties AS d (duty, holder, held_until)
            VALUES (\(duty), \(holder), now() + \(seconds) * interval '1 second')
            ON CONFLICT (duty) DO UPDATE SET holder = EXCLUDED.holder, held_until = EXCLUDED.held_until
            WHERE d.holder = EXCLUDED.holder OR d.held_until < now()
            RETURNING 1
            """, operation: "take a duty")
        return !rows.isEmpty
    }

    /// Lets go of what `holder` has, so that another need not wait.
    ///
    /// - Throws: `PostgresError`.
    public func release(_ duty: String, of holder: String) async throws {
        _ = try await postgres.query(
            "DELETE FROM processing.duties WHERE duty = \(duty) AND holder = \(holder)", operation: "release a duty")
    }
}
