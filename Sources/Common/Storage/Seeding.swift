import Domain
import Postgres

/// What a new installation starts with.
public struct Seed: Sendable {
    public struct Account: Sendable {
        public let name: String
        public let passwordHash: String
        public let role: User.Role

        public init(name: String, passwordHash: String, role: User.Role) {
            self.name = name
            self.passwordHash = passwordHash
            self.role = role
        }
    }

    public let accounts: [Account]
    public let questName: String
    public let questDescription: String
    public let eventType: EventType
    public let terms: QuestTerms
    public let autoClaim: Bool
    public let rewardItem: RewardItem
    public let rewardQuantity: Int64
    /// SHA-256 of the first API key, if there is to be one.
    public let apiKeyHash: [UInt8]?

    public init(
        accounts: [Account], questName: String, questDescription: String, eventType: EventType, terms: QuestTerms,
        autoClaim: Bool, rewardItem: RewardItem, rewardQuantity: Int64, apiKeyHash: [UInt8]?
    ) {
        self.accounts = accounts
        self.questName = questName
        self.questDescription = questDescription
        self.eventType = eventType
        self.terms = terms
        self.autoClaim = autoClaim
        self.rewardItem = rewardItem
        self.rewardQuantity = rewardQuantity
        self.apiKeyHash = apiKeyHash
    }
}

/// Writes a `Seed` where it is missing. What is there already, an operator's changes included, stays as it is.
public struct Seeding: Sendable {
    private let postgres: PostgresClient

    public init(_ postgres: PostgresClient) {
        self.postgres = postgres
    }

    /// Names of accounts that do not exist yet, so that only their passwords need hashing.
    ///
    /// - Throws: `PostgresError`.
    public func missingAccounts(of names: [String]) async throws -> [String] {
        let rows = try await postgres.query(
            "SELECT user_name FROM auth.users WHERE user_name = ANY(\(names))", operation: "look for seeded accounts")
        let present = Set(try rows.map { try $0.decode(0, as: String.self) })
        return names.filter { !present.contains($0) }
    }

    /// Accounts and key get their audit rows.
    ///
    /// - Returns: what was written, in words, for the operator; empty if nothing was missing.
    /// - Throws: `PostgresError`.
    public func plant(_ seed: Seed) async throws -> [String] {
        var planted: [String] = []
        let users = Users(postgres)
        for account in seed.accounts {
            let created = try await users.create(
                id: .timeOrdered(at: .now), name: account.name, passwordHash: account.passwordHash, role: account.role,
                by: .commandLine)
            if created != nil { planted.append("\(account.role.rawValue) \(account.name)") }
        }
        if let hash = seed.apiKeyHash,
            try await APIKeyRows(postgres).add(
                id: .timeOrdered(at: .now), name: "from settings", hash: hash, by: .commandLine) != nil
        {
            planted.append("the API key from QUESTLINE_API_KEY")
        }
        if try await plantQuest(seed) { planted.append("quest \(seed.questName)") }
        return planted
    }

    /// Only an empty catalog is seeded, and by one process only.
    private func plantQuest(_ seed: Seed) async throws -> Bool {
        let rewardID = Identifier.timeOrdered(at: .now)
        let questID = Identifier.timeOrdered(at: .now)
        let rewardName = "\(seed.rewardQuantity) \(seed.rewardItem.rawValue)"
        let results = try await postgres.transaction(
            [
                "SELECT pg_advisory_xact_lock(catalog.advisory_key())",
                """
                INSERT INTO catalog.rewards (reward_id, reward_name, reward_item, reward_qty)
                SELECT \(rewardID), \(rewardName), \(seed.rewardItem.rawValue), \(seed.rewardQuantity)
                WHERE NOT EXISTS (SELECT FROM catalog.quests)
                ON CONFLICT (reward_name) DO NOTHING
                """,
                """
                INSERT INTO catalog.quests (quest_id, name, description, event_type, streak, duplication, auto_claim,
                    reward_id)
                SELECT \(questID), \(seed.questName), \(seed.questDescription), \(seed.eventType.name),
                    \(seed.terms.streak), \(seed.terms.duplication), \(seed.autoClaim), r.reward_id
                FROM catalog.rewards r
                WHERE r.reward_name = \(rewardName) AND NOT EXISTS (SELECT FROM catalog.quests)
                """,
            ], operation: "seed the catalog")
        return results[2].affectedRows == 1
    }
}
