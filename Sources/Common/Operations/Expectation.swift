import Domain
import Storage

/// What one person's rows must say about one quest, found by stepping the rule one event at a time.
///
/// Batches of one revision all commit before the catalog moves on, and within a revision only the number of events
/// matters; so the counts by revision are all that is needed.
struct Expectation: Sendable {
    struct Completed: Sendable {
        let ordinal: Int32
        let revision: Int64
        let reward: Reward?
        let autoClaim: Bool
    }

    var progress = Progress.none
    /// The last revision under which an event was counted or refused because of the limit.
    var revision: Int64 = 0
    var terms = QuestTerms(streak: 1, duplication: 1)
    var completed: [Completed] = []

    /// - Returns: nil when no event of this person was ever of a type the quest listened to.
    init?(of questID: Identifier, events: [VerificationSnapshot.EventCount], history: CatalogHistory) {
        var hasCounted = false
        for group in events.sorted(by: { $0.revision < $1.revision }) {
            guard let quest = history.quest(questID, at: group.revision), quest.active,
                let type = EventType(group.type), quest.eventType == type.counted.name
            else { continue }
            hasCounted = true
            revision = group.revision
            terms = quest.terms
            for _ in 0..<group.count {
                guard let ordinal = progress.count(under: quest.terms) else { continue }
                completed.append(
                    Completed(
                        ordinal: ordinal, revision: group.revision,
                        reward: history.reward(of: quest, at: group.revision), autoClaim: quest.autoClaim))
            }
        }
        guard hasCounted else { return nil }
    }
}
