import Domain
import Storage

/// Compares all that the tables say about one person with what follows from that person's events.
struct PersonCheck {
    /// Completions younger than this may still be on their way to a claim.
    static let flightSeconds = 60.0

    let userID: Identifier
    let person: VerificationSnapshot.Person
    let history: CatalogHistory
    private var comparison: Comparison
    private(set) var inFlight = 0

    var differences: [Difference] { comparison.differences }

    init(userID: Identifier, person: VerificationSnapshot.Person, history: CatalogHistory) {
        self.userID = userID
        self.person = person
        self.history = history
        comparison = Comparison(userID: userID)
        checkProgress()
        checkClaims()
        checkLedger()
    }

    // MARK: Progress and completions

    private mutating func checkProgress() {
        let rows = Dictionary(person.progress.map { ($0.questID, $0) }) { first, _ in first }
        var found = Dictionary(person.completions.map { ($0.id, $0) }) { first, _ in first }
        for questID in Set(history.questIDs).union(rows.keys).sorted() {
            let expected = Expectation(of: questID, events: person.events, history: history)
            switch (expected, rows[questID]) {
            case (nil, nil): continue
            case (nil, .some): comparison.add("progress", of: questID, expected: "no row", found: "a row")
            case (.some(let expected), nil):
                comparison.add("progress", of: questID, expected: "\(expected.progress)", found: "no row")
            case (.some(let expected), .some(let row)): check(row, questID, expected)
            }
            var causes: Set<Identifier> = []
            for completed in expected?.completed ?? [] {
                let id = Completion.id(userID: userID, questID: questID, ordinal: completed.ordinal)
                if let cause = found[id]?.causeID, !causes.insert(cause).inserted {
                    comparison.add(
                        "completion \(completed.ordinal) cause_id", of: questID, expected: "an event of its own",
                        found: "\(cause), which filled another streak")
                }
                check(found.removeValue(forKey: id), questID, completed)
            }
        }
        for extra in found.values {
            comparison.add("completion \(extra.id)", of: extra.questID, expected: "none", found: "a row")
        }
    }

    private mutating func check(
        _ row: VerificationSnapshot.ProgressRow, _ questID: Identifier, _ expected: Expectation
    ) {
        comparison.require("progress.streak", of: questID, is: expected.progress.streak, found: row.progress.streak)
        comparison.require(
            "progress.duplication", of: questID, is: expected.progress.duplication, found: row.progress.duplication)
        let isExhausted = expected.progress.isExhausted(under: expected.terms)
        comparison.require("progress.status", of: questID, is: isExhausted ? 1 : 0, found: row.status)
        comparison.require("progress.catalog_revision", of: questID, is: expected.revision, found: row.revision)
        comparison.require("progress.last_goal", of: questID, is: expected.terms.streak, found: row.lastTerms.streak)
        comparison.require(
            "progress.last_limit", of: questID, is: expected.terms.duplication, found: row.lastTerms.duplication)
        // Where the last batch began is not recorded elsewhere; but from there its events must lead to where the row is.
        if !leadsHere(row, under: expected.terms) {
            comparison.add(
                "progress.last_*", of: questID, expected: "a batch that leads to \(row.progress)",
                found: "start \(row.lastStart), events \(row.lastEvents), completions \(row.lastCompletions)")
        }
    }

    /// Whether the last batch, as the row tells of it, ends where the row stands. A corrupt row may hold any number.
    private func leadsHere(_ row: VerificationSnapshot.ProgressRow, under terms: QuestTerms) -> Bool {
        let counted = Int64(row.lastStart) + Int64(row.lastEvents)
        let balanced = Int64(row.lastCompletions) * Int64(row.lastTerms.streak) + Int64(row.progress.streak)
        guard counted == balanced, row.lastEvents >= 0, row.lastStart >= 0,
            (0...max(0, row.progress.duplication)).contains(row.lastCompletions),
            row.lastCompletions <= terms.duplication
        else { return false }
        guard row.lastEvents > 0 else { return row.lastStart == 0 && row.lastCompletions == 0 }
        var replayed = Progress(streak: row.lastStart, duplication: row.progress.duplication - row.lastCompletions)
        let made = replayed.count(Int64(row.lastEvents), under: terms).count
        return replayed == row.progress && made == row.lastCompletions
    }

    private mutating func check(
        _ row: VerificationSnapshot.CompletionRow?, _ questID: Identifier, _ expected: Expectation.Completed
    ) {
        let subject = "completion \(expected.ordinal)"
        guard let row else {
            comparison.add(subject, of: questID, expected: "a row", found: "none")
            return
        }
        comparison.require("\(subject) quest_id", of: questID, is: questID, found: row.questID)
        comparison.require("\(subject) number", of: questID, is: expected.ordinal, found: row.ordinal)
        comparison.require("\(subject) catalog_revision", of: questID, is: expected.revision, found: row.revision)
        comparison.require(
            "\(subject) reward_item", of: questID, is: expected.reward?.item.rawValue, found: row.rewardItem)
        comparison.require(
            "\(subject) reward_qty", of: questID, is: expected.reward?.quantity, found: row.rewardQuantity)
        comparison.require("\(subject) auto_claim", of: questID, is: expected.autoClaim, found: row.autoClaim)
        let quest = history.quest(questID, at: expected.revision)
        let causeType = row.causeType.flatMap(EventType.init)?.counted.name
        comparison.require("\(subject) cause's type", of: questID, is: quest?.eventType, found: causeType)
        comparison.require(
            "\(subject) cause's catalog_revision", of: questID, is: expected.revision, found: row.causeRevision)
        comparison.require("\(subject) timestamp", of: questID, is: row.causeOccurredAt, found: row.occurredAt)
    }

    // MARK: Claims

    private mutating func checkClaims() {
        var claims = Dictionary(person.claims.map { ($0.id, $0) }) { first, _ in first }
        for completion in person.completions {
            guard let claim = claims.removeValue(forKey: completion.id) else {
                let isWaiting = person.outbox.contains(completion.id)
                if isWaiting && completion.ageSeconds < PersonCheck.flightSeconds {
                    inFlight += 1
                } else {
                    comparison.add(
                        "claim \(completion.id)", of: completion.questID, expected: "a row",
                        found: isWaiting ? "none, its completion still waits" : "none")
                }
                continue
            }
            check(claim, completion)
        }
        for extra in claims.values {
            comparison.add("claim \(extra.id)", of: extra.questID, expected: "none", found: "a row")
        }
        for id in person.outbox.subtracting(person.completions.map(\.id)) {
            comparison.add("outbox \(id)", expected: "none", found: "a row without a completion")
        }
        for claim in person.claims where person.outbox.contains(claim.id) {
            comparison.add("outbox \(claim.id)", of: claim.questID, expected: "none", found: "a row beside its claim")
        }
    }

    private mutating func check(
        _ claim: VerificationSnapshot.ClaimRow, _ completion: VerificationSnapshot.CompletionRow
    ) {
        let quest = completion.questID
        comparison.require("claim.quest_id", of: quest, is: quest, found: claim.questID)
        comparison.require("claim.completion", of: quest, is: completion.ordinal, found: claim.ordinal)
        comparison.require("claim.reward_item", of: quest, is: completion.rewardItem, found: claim.rewardItem)
        comparison.require("claim.reward_qty", of: quest, is: completion.rewardQuantity, found: claim.rewardQuantity)
        comparison.require("claim.created_at", of: quest, is: completion.occurredAt, found: claim.createdAt)
        let entry = person.entries.first { $0.kind == "claim" && $0.ref == claim.id.description }
        let mustBeClaimed = entry != nil || completion.autoClaim == true
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

    // MARK: Ledger

    private mutating func checkLedger() {
        let claims = Set(person.claims.map(\.id.description))
        var balances: [String: Int64] = [:]
        for entry in person.entries {
            // A corrupt amount may be any number.
            balances[entry.item] = (balances[entry.item] ?? 0).addingReportingOverflow(entry.amount).partialValue
            comparison.require(
                "ledger.balance_after of entry \(entry.id)", is: balances[entry.item], found: entry.balanceAfter)
            if entry.kind == "claim" && !claims.contains(entry.ref) {
                comparison.add("ledger.ref of entry \(entry.id)", expected: "a claim", found: entry.ref)
            }
        }
        if !person.claims.isEmpty && person.balances == nil {
            comparison.add("account", expected: "a row", found: "none")
        }
        let found = person.balances ?? (gold: 0, diamond: 0)
        comparison.require("balance.gold", is: balances["gold"] ?? 0, found: found.gold)
        comparison.require("balance.diamond", is: balances["diamond"] ?? 0, found: found.diamond)
    }
}
