/// What a wallet holds.
public enum RewardItem: String, CaseIterable, Codable, Sendable {
    case gold
    case diamond
}

/// What a completed quest pays.
public struct Reward: Hashable, Codable, Sendable {
    public let id: Identifier
    public let name: String
    public let item: RewardItem
    /// From 1 to a trillion.
    public let quantity: Int64
    /// No quest can be given a retired reward.
    public let active: Bool
    /// The catalog revision that wrote this version.
    public let revision: Int64

    public init(
        id: Identifier, name: String, item: RewardItem, quantity: Int64, active: Bool = true, revision: Int64
    ) {
        self.id = id
        self.name = name
        self.item = item
        self.quantity = quantity
        self.active = active
        self.revision = revision
    }

    private enum CodingKeys: String, CodingKey {
        case id = "reward_id"
        case name = "reward_name"
        case item = "reward_item"
        case quantity = "reward_qty"
        case active
        case revision
    }
}

/// So many events of one type fill a streak, and so many filled streaks exhaust the quest.
public struct Quest: Hashable, Codable, Sendable {
    public let id: Identifier
    public let name: String
    public let description: String
    /// The counted type it listens to: never `NewUserSignIn`, which counts as `UserSignIn`.
    public let eventType: String
    /// Events per completion, from 1 to a million.
    public let streak: Int32
    /// Completions per person, from 1 to a million.
    public let duplication: Int32
    /// Whether a completion is credited at once or waits to be claimed.
    public let autoClaim: Bool
    public let rewardID: Identifier
    /// A retired quest counts nothing.
    public let active: Bool
    /// The catalog revision that wrote this version.
    public let revision: Int64

    public init(
        id: Identifier, name: String, description: String, eventType: String, streak: Int32, duplication: Int32,
        autoClaim: Bool, rewardID: Identifier, active: Bool, revision: Int64
    ) {
        self.id = id
        self.name = name
        self.description = description
        self.eventType = eventType
        self.streak = streak
        self.duplication = duplication
        self.autoClaim = autoClaim
        self.rewardID = rewardID
        self.active = active
        self.revision = revision
    }

    private enum CodingKeys: String, CodingKey {
        case id = "quest_id"
        case name
        case description
        case eventType = "event_type"
        case streak
        case duplication
        case autoClaim = "auto_claim"
        case rewardID = "reward_id"
        case active
        case revision
    }
}

/// All active quests with their rewards as they stood at one catalog revision: all that a batch needs to know.
public struct QuestBook: Equatable, Codable, Sendable {
    public struct Page: Equatable, Codable, Sendable {
        public let quest: Quest
        public let reward: Reward

        public init(quest: Quest, reward: Reward) {
            self.quest = quest
            self.reward = reward
        }
    }

    public let revision: Int64
    /// New with every change of the catalog, so that a revision number used again after a restore is not mistaken.
    public let edition: Identifier
    /// Sorted by quest id.
    public let pages: [Page]

    public init(revision: Int64, edition: Identifier, pages: [Page]) {
        self.revision = revision
        self.edition = edition
        self.pages = pages.filter(\.quest.active).sorted { $0.quest.id < $1.quest.id }
    }
}
