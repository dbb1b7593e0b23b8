import Domain
import Storage

/// What one person's rows must say about one quest, found by stepping the rule one event at a time.
///
/// Batches of one revision all commit before the catalog moves on, and within a revision only the number of events
/// matters; so the counts by revision are all that is needed.
struct Expectation: Sendable {
    /// Consecutive completions, all made under one revision. There are at most as many as revisions.
    struct Run: Sendable {
        var ordinals: ClosedRange<Int32>
        let quest: Quest
        /// Nil if the reward is not known at that revision.
        let reward: Reward?
        let revision: Int64
        /// Which event of the revision (from 0) filled the first of them; each other one was filled `quest.streak` later.
        let firstFilledBy: Int64

        func filledBy(_ ordinal: Int32) -> Int64 {
            firstFilledBy + (Int64(ordinal) - Int64(ordinals.lowerBound)) * Int64(quest.terms.streak)
        }
    }

    private(set) var progress = Progress.none
    /// The last revision under which an event was counted or refused because of the limit.
    private(set) var revision: Int64 = 0
    private(set) var terms = QuestTerms(streak: 1, duplication: 1)
    private(set) var runs: [Run] = []

    /// - Returns: nil when no event of this person was ever of a type the quest listened to.
    init?(of questID: Identifier, events: [VerificationSnapshot.EventCount], history: CatalogHistory) {
        var counts: [Int64: (quest: Quest, count: Int64)] = [:]
        for group in events {
            guard let quest = history.quest(questID, at: group.revision), quest.active,
                let type = EventType(group.type), quest.eventType == type.counted.name
            else { continue }
            counts[group.revision, default: (quest: quest, count: 0)].count += group.count
        }
        guard !counts.isEmpty else { return nil }
        for (revision, (quest, count)) in counts.sorted(by: { $0.key < $1.key }) {
            self.revision = revision
            terms = quest.terms
            step(count, of: quest, reward: history.reward(of: quest, at: revision))
        }
    }

    private mutating func step(_ count: Int64, of quest: Quest, reward: Reward?) {
        var run: Run?
        for place in 0..<max(0, count) {
            let wasExhausted = progress.isExhausted(under: terms)
            if let ordinal = progress.count(under: terms) {
                if let begun = run {
                    run?.ordinals = begun.ordinals.lowerBound...ordinal
                } else {
                    run = Run(
                        ordinals: ordinal...ordinal, quest: quest, reward: reward, revision: revision,
                        firstFilledBy: place)
                }
            }
            // No later event changes anything any more.
            if wasExhausted { break }
        }
        if let run { runs.append(run) }
    }
}
