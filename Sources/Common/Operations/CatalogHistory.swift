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
        quests[id].flatMap { CatalogHistory.last($0, where: { $0.revision <= revision }) }
    }

    /// The types that a quest listens to or listened to, as it names them.
    func types(of id: Identifier) -> Set<String> {
        Set((quests[id] ?? []).map(\.eventType))
    }

    /// Why a quest did not hear an event.
    struct Deaf: Error {
        let reason: Course.Reason
    }

    /// The quest as it stood at `revision`, if it was active then and listened to this type.
    func hearing(_ id: Identifier, of type: String, at revision: Int64) -> Result<Quest, Deaf> {
        guard let quest = quest(id, at: revision) else { return .failure(Deaf(reason: .beforeQuest)) }
        if !quest.active { return .failure(Deaf(reason: .questRetired)) }
        return quest.eventType == type ? .success(quest) : .failure(Deaf(reason: .otherType))
    }

    func latest(_ id: Identifier) -> Quest? {
        quests[id]?.last
    }

    func reward(of quest: Quest, at revision: Int64) -> Reward? {
        rewards[quest.rewardID].flatMap { CatalogHistory.last($0, where: { $0.revision <= revision }) }
    }

    /// The last of those that satisfy a condition which holds for the first ones and then no more.
    private static func last<Version>(_ versions: [Version], where holds: (Version) -> Bool) -> Version? {
        var (low, high) = (0, versions.count)
        while low < high {
            let middle = (low + high) / 2
            if holds(versions[middle]) { low = middle + 1 } else { high = middle }
        }
        return low > 0 ? versions[low - 1] : nil
    }
}
