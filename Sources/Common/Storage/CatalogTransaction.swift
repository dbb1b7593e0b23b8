import Domain
import Postgres

/// A change of the catalog in progress: nobody else changes it, and no batch is counted, until it ends.
public struct CatalogTransaction: Sendable {
    private let transaction: PostgresTransaction

    /// How long a change waits for the batches that are being committed, and the batches behind it.
    static let patience = "2s"

    /// Runs `body` while it holds the catalog, and commits what it wrote.
    ///
    /// - Throws: `PostgresError`, with SQLSTATE 55P03 when batches did not let go of the catalog in time; what `body`
    ///   throws.
    public static func run<Value: Sendable>(
        _ postgres: PostgresClient, operation: String,
        _ body: @Sendable (CatalogTransaction) async throws -> Value
    ) async throws -> Value {
        try await postgres.transaction(operation: operation) { transaction in
            _ = try await transaction.pipeline([
                "SET LOCAL lock_timeout = '\(unsafe: patience)'",
                "SELECT pg_advisory_xact_lock(catalog.advisory_key())",
            ])
            return try await body(CatalogTransaction(transaction: transaction))
        }
    }

    /// - Throws: `PostgresError`.
    public func quest(_ id: Identifier) async throws -> Quest? {
        try await transaction.query(
            "SELECT \(unsafe: QuestRows.questColumns) FROM catalog.quests q WHERE q.quest_id = \(id)"
        ).first.map { try QuestRows.quest($0, from: 0) }
    }

    /// - Throws: `PostgresError`.
    public func reward(_ id: Identifier) async throws -> Reward? {
        try await transaction.query(
            "SELECT \(unsafe: QuestRows.rewardColumns) FROM catalog.rewards r WHERE r.reward_id = \(id)"
        ).first.map { try QuestRows.reward($0, from: 0) }
    }

    /// Active quests that pay this reward, by name.
    ///
    /// - Throws: `PostgresError`.
    public func activeQuests(paying reward: Identifier) async throws -> [Quest] {
        try await transaction.query(
            """
            SELECT \(unsafe: QuestRows.questColumns) FROM catalog.quests q WHERE q.reward_id = \(reward) AND q.active
            ORDER BY q.name
            """
        ).map { try QuestRows.quest($0, from: 0) }
    }

    /// Writes a quest under a new revision: a new one, or over the one of the same id.
    ///
    /// - Returns: it with its revision, and the edition.
    /// - Throws: `PostgresError`; with SQLSTATE 23505 when another one has its name.
    public func write(
        _ quest: Quest, isNew: Bool, _ audit: AuditEntry
    ) async throws -> (quest: Quest, edition: CatalogEdition) {
        let change: SQL =
            isNew
            ? """
            INSERT INTO catalog.quests (quest_id, name, description, event_type, streak, duplication, auto_claim,
                reward_id, active)
            VALUES (\(quest.id), \(quest.name), \(quest.description), \(quest.eventType), \(quest.streak),
                \(quest.duplication), \(quest.autoClaim), \(quest.rewardID), \(quest.active))
            """
            : """
            UPDATE catalog.quests SET name = \(quest.name), description = \(quest.description),
                event_type = \(quest.eventType), streak = \(quest.streak), duplication = \(quest.duplication),
                auto_claim = \(quest.autoClaim), reward_id = \(quest.rewardID), active = \(quest.active)
            WHERE quest_id = \(quest.id)
            """
        let results = try await transaction.pipeline([
            change, audit.insertion,
            """
            SELECT c.revision, c.edition, \(unsafe: QuestRows.questColumns) FROM catalog.revision c
            JOIN catalog.quests q ON q.quest_id = \(quest.id)
            """,
        ])
        let row = try CatalogTransaction.written(results)
        return (quest: try QuestRows.quest(row, from: 2), edition: try CatalogTransaction.edition(row))
    }

    /// Writes a reward likewise.
    ///
    /// - Throws: as the other.
    public func write(
        _ reward: Reward, isNew: Bool, _ audit: AuditEntry
    ) async throws -> (reward: Reward, edition: CatalogEdition) {
        let change: SQL =
            isNew
            ? """
            INSERT INTO catalog.rewards (reward_id, reward_name, reward_item, reward_qty, active)
            VALUES (\(reward.id), \(reward.name), \(reward.item.rawValue), \(reward.quantity), \(reward.active))
            """
            : """
            UPDATE catalog.rewards SET reward_name = \(reward.name), reward_item = \(reward.item.rawValue),
                reward_qty = \(reward.quantity), active = \(reward.active)
            WHERE reward_id = \(reward.id)
            """
        let results = try await transaction.pipeline([
            change, audit.insertion,
            """
            SELECT c.revision, c.edition, \(unsafe: QuestRows.rewardColumns) FROM catalog.revision c
            JOIN catalog.rewards r ON r.reward_id = \(reward.id)
            """,
        ])
        let row = try CatalogTransaction.written(results)
        return (reward: try QuestRows.reward(row, from: 2), edition: try CatalogTransaction.edition(row))
    }

    private static func written(_ results: [PostgresResult]) throws -> PostgresRow {
        guard let row = results.last?.first else {
            throw PostgresError(.decoding, operation: "write to the catalog", message: "the row is not there")
        }
        return row
    }

    private static func edition(_ row: PostgresRow) throws -> CatalogEdition {
        CatalogEdition(revision: try row.decode(0), id: try row.decode(1))
    }
}
