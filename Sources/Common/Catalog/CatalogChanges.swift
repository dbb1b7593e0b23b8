import Domain

/// A quest to be made; its values keep `CatalogRules`.
public struct NewQuest: Sendable {
    public let name: String
    public let description: String
    public let eventType: String
    public let streak: Int32
    public let duplication: Int32
    public let autoClaim: Bool
    public let rewardID: Identifier

    public init(
        name: String, description: String, eventType: String, streak: Int32, duplication: Int32, autoClaim: Bool,
        rewardID: Identifier
    ) {
        self.name = name
        self.description = description
        self.eventType = eventType
        self.streak = streak
        self.duplication = duplication
        self.autoClaim = autoClaim
        self.rewardID = rewardID
    }
}

/// What is to become of a quest; nil leaves a value as it is. Values keep `CatalogRules`.
public struct QuestChange: Sendable {
    public var name: String?
    public var description: String?
    public var eventType: String?
    public var streak: Int32?
    public var duplication: Int32?
    public var autoClaim: Bool?
    public var rewardID: Identifier?
    public var active: Bool?

    public init() {}

    func applied(to quest: Quest) -> Quest {
        Quest(
            id: quest.id, name: name ?? quest.name, description: description ?? quest.description,
            eventType: eventType ?? quest.eventType, streak: streak ?? quest.streak,
            duplication: duplication ?? quest.duplication, autoClaim: autoClaim ?? quest.autoClaim,
            rewardID: rewardID ?? quest.rewardID, active: active ?? quest.active, revision: quest.revision)
    }
}

/// A reward to be made; its values keep `CatalogRules`.
public struct NewReward: Sendable {
    public let name: String
    public let item: RewardItem
    public let quantity: Int64

    public init(name: String, item: RewardItem, quantity: Int64) {
        self.name = name
        self.item = item
        self.quantity = quantity
    }
}

/// What is to become of a reward; nil leaves a value as it is. Values keep `CatalogRules`.
public struct RewardChange: Sendable {
    public var name: String?
    public var item: RewardItem?
    public var quantity: Int64?
    public var active: Bool?

    public init() {}

    func applied(to reward: Reward) -> Reward {
        Reward(
            id: reward.id, name: name ?? reward.name, item: item ?? reward.item, quantity: quantity ?? reward.quantity,
            active: active ?? reward.active, revision: reward.revision)
    }
}

/// Which state of a thing a change is meant for.
public enum Precondition: Sendable, Equatable {
    case any
    /// One of these entity tags.
    case tags([String])

    func holds(for document: CatalogDocument) -> Bool {
        switch self {
        case .any: true
        case .tags(let tags): tags.contains(document.tag)
        }
    }
}

/// Why a change of the catalog was not made; nothing was written.
public enum CatalogRefusal: Error, Sendable, Equatable {
    case missing
    /// It has changed since; this is its tag now, and the revision that changed it.
    case stale(tag: String, revision: Int64)
    case nameTaken
    case rewardUnknown
    case rewardRetired
    /// These active quests pay the reward.
    case rewardInUse([Quest])
    /// Batches did not let go of the catalog in time.
    case busy
}

/// What a change has made.
public struct CatalogWritten<Item: CatalogItem>: Sendable {
    public let item: Item
    /// Nil when nothing was changed.
    public let edition: CatalogEdition?
}
