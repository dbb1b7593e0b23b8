import Domain
import Postgres

/// The time before which no further row can appear in a table whose rows carry the time at which their transaction began.
///
/// Such a row becomes visible with its commit, and then stands among older ones; a reader who follows the table by that time
/// would have passed it. So rows are held back from the beginning of the oldest transaction that is still open in this
/// database, whoever runs it: a long `pg_dump` holds them back for as long as it takes. When the sessions of another role
/// are hidden from ours (it is no member of `pg_read_all_stats`), rows are held back for a minute, which is longer than any
/// transaction of a worker may take.
///
/// A clock that is set back gives later transactions earlier times; that this cannot see.
enum FollowHorizon {
    /// A session tells of its transaction a moment after it has begun.
    static let margin = "interval '1 second'"

    /// To be read in a statement of its own, before the one that reads the rows: that one then sees all that had ended.
    ///
    /// - Throws: `PostgresError`.
    static func read(_ postgres: PostgresClient) async throws -> ListPosition {
        let row = try await postgres.query(
            """
            SELECT \(unsafe: ListPosition.microseconds(of: "horizon")) FROM (
                SELECT least(now() - \(unsafe: margin), min(xact_start),
                    CASE WHEN bool_or(query = '<insufficient privilege>') THEN now() - interval '1 minute' END) AS horizon
                FROM pg_stat_activity
                WHERE datname = current_database() AND pid <> pg_backend_pid()
                    AND (backend_type = 'client backend' OR backend_type IS NULL)
            ) AS oldest
            """, operation: "look for open transactions"
        ).first
        return ListPosition(microseconds: try row?.decode(0) ?? 0, id: Identifier(high: 0, low: 0))
    }
}
