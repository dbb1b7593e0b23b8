import Domain
import Postgres

/// How one person stands with one quest, as the table says.
public struct QuestProgress: Sendable, Equatable {
    public let id: Int64
    public let userID: Identifier
    public let questID: Identifier
    /// The revision of the last batch that counted something.
    public let catalogRevision: Int64
    /// Whether the quest took no more events when it last counted.
    public let limitReached: Bool
    public let progress: Progress
}

/// The rows of `processing.user_quest_rewards`, for reading; batches write them through `EventStore`.
public struct ProgressRows: Sendable {
    let postgres: PostgresClient

    public init(_ postgres: PostgresClient) {
        self.postgres = postgres
    }

    /// The rows of a person by quest id.
    ///
    /// - Parameter cursor: the quest of the last row of the page before.
    /// - Throws: `PostgresError`.
    public func list(
        of userID: Identifier, after cursor: Identifier? = nil, limit: Int
    ) async throws -> [QuestProgress] {
        var conditions: [SQL] = ["user_id = \(userID)"]
        if let cursor { conditions.append("quest_id > \(cursor)") }
        return try await postgres.query(
            """
            SELECT id, user_id, quest_id, catalog_revision, status, streak, duplication
            FROM processing.user_quest_rewards WHERE \(SQL(joining: conditions, by: " AND "))
            ORDER BY quest_id LIMIT \(limit)
            """, operation: "list progress"
        ).map(QuestProgress.init(row:))
    }
}

extension QuestProgress {
    /// Of id, user_id, quest_id, catalog_revision, status, streak and duplication.
    init(row: PostgresRow) throws {
        self.init(
            id: try row.decode(0), userID: try row.decode(1), questID: try row.decode(2),
            catalogRevision: try row.decode(3), limitReached: try row.decode(4, as: Int16.self) == 1,
            progress: Progress(streak: try row.decode(5), duplication: try row.decode(6)))
    }
}
