import Domain
import Postgres

/// The catalog's tables, for reading.
public struct QuestRows: Sendable {
    let postgres: PostgresClient

    public init(_ postgres: PostgresClient) {
        self.postgres = postgres
    }

    /// All active quests with their rewards and the revision they stand at, from one snapshot. Nil before the catalog
    /// was seeded: revision 0 means that there is no catalog, not that there are no quests.
    ///
    /// - Throws: `PostgresError`.
    public func book() async throws -> QuestBook? {
        let rows = try await postgres.query(
            """
            SELECT c.revision, c.edition, \(unsafe: QuestRows.questColumns), \(unsafe: QuestRows.rewardColumns)
            FROM catalog.revision c
            LEFT JOIN (catalog.quests q JOIN catalog.rewards r ON r.reward_id = q.reward_id) ON q.active
            """, operation: "read the catalog")
        guard let first = rows.first else { return nil }
        let revision: Int64 = try first.decode(0)
        guard revision > 0 else { return nil }
        let pages = try rows.compactMap { row -> QuestBook.Page? in
            guard try row.decodeIfPresent(2, as: Identifier.self) != nil else { return nil }
            return QuestBook.Page(quest: try QuestRows.quest(row, from: 2), reward: try QuestRows.reward(row, from: 12))
        }
        return QuestBook(revision: revision, edition: try first.decode(1), pages: pages)
    }

    /// - Throws: `PostgresError`.
    public func revision() async throws -> Int64 {
        try await postgres.query("SELECT revision FROM catalog.revision", operation: "read the catalog revision")
            .first?.decode(0) ?? 0
    }

    /// The present state; revision 0 before the catalog was seeded.
    ///
    /// - Throws: `PostgresError`.
    public func edition() async throws -> CatalogEdition {
        let rows = try await postgres.query(
            "SELECT revision, edition FROM catalog.revision", operation: "read the catalog edition")
        guard let row = rows.first else {
            throw PostgresError(.decoding, operation: "read the catalog edition", message: "catalog.revision is empty")
        }
        return CatalogEdition(revision: try row.decode(0), id: try row.decode(1))
    }

    /// - Throws: `PostgresError`.
    public func quest(_ id: Identifier) async throws -> Quest? {
        try await quests("q.quest_id = \(id)", limit: 1).first
    }

    /// - Throws: `PostgresError`.
    public func quest(named name: String) async throws -> Quest? {
        try await quests("q.name = \(name)", limit: 1).first
    }

    /// All quests, retired ones too, sorted by the bytes of their names, and the revision they stand at, from one
    /// snapshot.
    ///
    /// - Throws: `PostgresError`.
    public func allQuests() async throws -> (revision: Int64, quests: [Quest]) {
        let rows = try await postgres.query(
            """
            SELECT c.revision, \(unsafe: QuestRows.questColumns) FROM catalog.revision c
            LEFT JOIN catalog.quests q ON true ORDER BY q.name COLLATE "C"
            """, operation: "read all quests")
        let quests = try rows.compactMap { row -> Quest? in
            guard try row.decodeIfPresent(1, as: Identifier.self) != nil else { return nil }
            return try QuestRows.quest(row, from: 1)
        }
        return (revision: try rows.first?.decode(0) ?? 0, quests: quests)
    }

    /// All rewards likewise.
    ///
    /// - Throws: `PostgresError`.
    public func allRewards() async throws -> (revision: Int64, rewards: [Reward]) {
        let rows = try await postgres.query(
            """
            SELECT c.revision, \(unsafe: QuestRows.rewardColumns) FROM catalog.revision c
            LEFT JOIN catalog.rewards r ON true ORDER BY r.reward_name COLLATE "C"
            """, operation: "read all rewards")
        let rewards = try rows.compactMap { row -> Reward? in
            guard try row.decodeIfPresent(1, as: Identifier.self) != nil else { return nil }
            return try QuestRows.reward(row, from: 1)
        }
        return (revision: try rows.first?.decode(0) ?? 0, rewards: rewards)
    }

    /// Every name that these quests had just before `revision` or since.
    ///
    /// - Throws: `PostgresError`.
    public func names(of ids: [Identifier], since revision: Int64) async throws -> [String] {
        try await postgres.query(
            """
            SELECT DISTINCT v.name FROM catalog.quest_versions v
            WHERE v.quest_id = ANY(\(ids)) AND v.revision >= coalesce((SELECT max(b.revision)
                FROM catalog.quest_versions b WHERE b.quest_id = v.quest_id AND b.revision < \(revision)), 0)
            """, operation: "read names of quests"
        ).map { try $0.decode(0) }
    }

    /// - Throws: `PostgresError`.
    public func reward(_ id: Identifier) async throws -> Reward? {
        try await rewards("r.reward_id = \(id)", limit: 1).first
    }

    private func quests(_ condition: SQL, limit: Int) async throws -> [Quest] {
        try await postgres.query(
            """
            SELECT \(unsafe: QuestRows.questColumns) FROM catalog.quests q WHERE \(condition)
            ORDER BY q.name LIMIT \(limit)
            """, operation: "read quests"
        ).map { try QuestRows.quest($0, from: 0) }
    }

    private func rewards(_ condition: SQL, limit: Int) async throws -> [Reward] {
        try await postgres.query(
            """
            SELECT \(unsafe: QuestRows.rewardColumns) FROM catalog.rewards r WHERE \(condition)
            ORDER BY r.reward_name LIMIT \(limit)
            """, operation: "read rewards"
        ).map { try QuestRows.reward($0, from: 0) }
    }

    static let questColumns = """
        q.quest_id, q.name, q.description, q.event_type, q.streak, q.duplication, q.auto_claim, q.reward_id, q.active, \
        q.revision
        """

    static let rewardColumns = "r.reward_id, r.reward_name, r.reward_item, r.reward_qty, r.active, r.revision"

    static func quest(_ row: PostgresRow, from first: Int) throws -> Quest {
        Quest(
            id: try row.decode(first), name: try row.decode(first + 1), description: try row.decode(first + 2),
            eventType: try row.decode(first + 3), streak: try row.decode(first + 4),
            duplication: try row.decode(first + 5), autoClaim: try row.decode(first + 6),
            rewardID: try row.decode(first + 7), active: try row.decode(first + 8), revision: try row.decode(first + 9))
    }

    static func reward(_ row: PostgresRow, from first: Int) throws -> Reward {
        Reward(
            id: try row.decode(first), name: try row.decode(first + 1),
            item: try RewardItem(row: row, column: first + 2), quantity: try row.decode(first + 3),
            active: try row.decode(first + 4), revision: try row.decode(first + 5))
    }
}
