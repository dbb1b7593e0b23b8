import Domain

/// The versions of all quests and rewards, to know under which terms an event of any revision was counted.
struct CatalogHistory: Sendable {
    private let quests: [Identifier: [Quest]]
    private let rewards: [Identifier: [Reward]]

    /// Versions may come in any order.
    init(quests: [Quest], rewards: [Reward]) {
        self.quests = Dictionary(grouping: quests, by: \.id).mapValues { $0.sorted { $0.revision < $1.revision } }
        self.rewards = Dictionary(grouping: rewards, by: \.id).mapValues { $0.sorted { $0.revision < $1.revision } }
    }

    var questIDs: [Identifier] { quests.keys.sorted() }

    /// The types of events that some quest listens to or listened to, as events carry them.
    var eventTypes: [String] {
        let counted = Set(quests.values.joined().map(\.eventType))
        let first = EventType.firstSignIn
        return counted.union(counted.contains(first.counted.name) ? [first.name] : []).sorted()
    }

    /// The quest as it stood at `revision`; nil before it was made.
    func quest(_ id: Identifier, at revision: Int64) -> Quest? {
        quests[id]?.last { $0.revision <= revision }
    }

    func latest(_ id: Identifier) -> Quest? {
        quests[id]?.last
    }

    func reward(of quest: Quest, at revision: Int64) -> Reward? {
        rewards[quest.rewardID]?.last { $0.revision <= revision }
    }
}
