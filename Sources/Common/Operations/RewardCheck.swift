import Domain
import Storage

/// Compares a person's completions, claims and credits with what follows from the events: those whose ids fall into one
/// slice, for a completion, its outbox row, its claim and the reference of its ledger entry all have the same id.
struct RewardCheck {
    private let rewards: VerificationSnapshot.Rewards
    private let expected: [ExpectedCompletion]
    private let scope: PersonCheck.Scope
    private(set) var comparison: Comparison
    private(set) var inFlight = 0
    /// Completions that follow from the events and are on record, but in no outbox, claim or ledger.
    private(set) var forgotten: [Identifier] = []

    init(
        _ rewards: VerificationSnapshot.Rewards, expected: [ExpectedCompletion], _ scope: PersonCheck.Scope,
        _ comparison: Comparison
    ) {
        self.rewards = rewards
        self.expected = expected
        self.scope = scope
        self.comparison = comparison
    }

    mutating func run() {
        checkCompletions()
        switch scope {
        case .everything: checkClaims()
        case .progress:
            checkSurplusClaims()
            checkForgotten()
        }
    }

    // MARK: Completions

    private mutating func checkCompletions() {
        var found = Dictionary(rewards.completions.map { ($0.id, $0) }) { first, _ in first }
        for completion in expected {
            compare(
                found.removeValue(forKey: completion.id), completion.questID, completion.ordinal, completion.run)
        }
        for extra in found.values.sorted(by: { $0.id < $1.id }) {
            let ordinal = extra.ordinal.map { " (number \($0))" } ?? ""
            comparison.add(
                "completion \(extra.id)", of: extra.questID.flatMap { Identifier($0) }, expected: "none",
                found: "a row\(ordinal)")
        }
    }

    private mutating func compare(
        _ row: VerificationSnapshot.CompletionRow?, _ questID: Identifier, _ ordinal: Int32, _ expected: Expectation.Run
    ) {
        let subject = "completion \(ordinal)"
        guard let row else {
            comparison.add(subject, of: questID, expected: "a row", found: "none")
            return
        }
        comparison.require("\(subject) quest_id", of: questID, is: questID.description, found: row.questID)
        comparison.require("\(subject) number", of: questID, is: String(ordinal), found: row.ordinal)
        comparison.require("\(subject) catalog_revision", of: questID, is: expected.revision, found: row.revision)
        comparison.require(
            "\(subject) reward_item", of: questID, is: expected.reward?.item.rawValue, found: row.rewardItem)
        comparison.require(
            "\(subject) reward_qty", of: questID, is: expected.reward.map { String($0.quantity) },
            found: row.rewardQuantity)
        comparison.require(
            "\(subject) auto_claim", of: questID, is: String(expected.quest.autoClaim), found: row.autoClaim)
        guard let cause = row.cause else {
            comparison.add(
                "\(subject) cause_id", of: questID, expected: "an event of this person", found: row.causeID ?? "nothing"
            )
            return
        }
        let causeType = EventType(cause.type)?.counted.name
        comparison.require("\(subject) cause's type", of: questID, is: expected.quest.eventType, found: causeType)
        comparison.require(
            "\(subject) cause's catalog_revision", of: questID, is: expected.revision, found: cause.revision)
        comparison.require("\(subject) timestamp", of: questID, is: cause.occurredAt, found: row.occurredAt)
    }

    // MARK: Claims

    private mutating func checkSurplusClaims() {
        let explained = Set(expected.map(\.id))
        for claim in rewards.claims.sorted(by: { $0.id < $1.id }) where !explained.contains(claim.id) {
            comparison.add("claim \(claim.id)", of: claim.questID, expected: "none", found: "a row")
        }
    }

    private mutating func checkForgotten() {
        let explained = Set(expected.map(\.id))
        let known = rewards.outbox.union(rewards.claims.map(\.id))
        let credited = Set(rewards.entries.map(\.ref))
        for completion in rewards.completions.sorted(by: { $0.id < $1.id })
        where explained.contains(completion.id) && !known.contains(completion.id)
            && !credited.contains(completion.id.description)
        {
            forgotten.append(completion.id)
            comparison.add(
                "outbox \(completion.id)", of: completion.questID.flatMap { Identifier($0) }, expected: "a row",
                found: "none, and no claim")
        }
    }

    private mutating func checkClaims() {
        var claims = Dictionary(rewards.claims.map { ($0.id, $0) }) { first, _ in first }
        let entries = Dictionary(rewards.entries.map { ($0.ref, $0) }) { first, _ in first }
        for completion in rewards.completions.sorted(by: { $0.id < $1.id }) {
            if let claim = claims.removeValue(forKey: completion.id) {
                compare(claim, completion, entries[claim.id.description])
                continue
            }
            let isWaiting = rewards.outbox.contains(completion.id)
            if isWaiting && completion.isYoung {
                inFlight += 1
            } else {
                comparison.add(
                    "claim \(completion.id)", of: completion.questID.flatMap { Identifier($0) }, expected: "a row",
                    found: isWaiting ? "none, its completion still waits" : "none")
            }
        }
        for extra in claims.values.sorted(by: { $0.id < $1.id }) {
            comparison.add("claim \(extra.id)", of: extra.questID, expected: "none", found: "a row")
        }
        for id in rewards.outbox.subtracting(rewards.completions.map(\.id)).sorted() {
            comparison.add("outbox \(id)", expected: "none", found: "a row without a completion")
        }
        for claim in rewards.claims where rewards.outbox.contains(claim.id) {
            comparison.add("outbox \(claim.id)", of: claim.questID, expected: "none", found: "a row beside its claim")
        }
        let ids = Set(rewards.claims.map(\.id.description))
        for entry in rewards.entries where !ids.contains(entry.ref) {
            comparison.add("ledger.ref of entry \(entry.id)", expected: "a claim", found: entry.ref)
        }
    }

    private mutating func compare(
        _ claim: VerificationSnapshot.ClaimRow, _ completion: VerificationSnapshot.CompletionRow,
        _ entry: VerificationSnapshot.EntryRow?
    ) {
        let quest = completion.questID.flatMap { Identifier($0) } ?? claim.questID
        comparison.require("claim.quest_id", of: quest, is: completion.questID, found: claim.questID.description)
        comparison.require("claim.completion", of: quest, is: completion.ordinal, found: String(claim.ordinal))
        comparison.require("claim.reward_item", of: quest, is: completion.rewardItem, found: claim.rewardItem)
        comparison.require(
            "claim.reward_qty", of: quest, is: completion.rewardQuantity, found: String(claim.rewardQuantity))
        comparison.require("claim.created_at", of: quest, is: completion.occurredAt, found: claim.createdAt)
        let mustBeClaimed = entry != nil || completion.autoClaim == "true"
        comparison.require("claim.status", of: quest, is: mustBeClaimed ? "claimed" : "pending", found: claim.status)
        comparison.require("claim.claimed_at", of: quest, is: entry?.createdAt, found: claim.claimedAt)
        guard let entry else {
            if mustBeClaimed {
                comparison.add("ledger entry of claim \(claim.id)", of: quest, expected: "a row", found: "none")
            }
            return
        }
        comparison.require("ledger.item", of: quest, is: claim.rewardItem, found: entry.item)
        comparison.require("ledger.amount", of: quest, is: claim.rewardQuantity, found: entry.amount)
    }
}
