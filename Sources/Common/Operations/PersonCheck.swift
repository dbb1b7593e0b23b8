import Domain
import Storage

/// Compares what the tables say about one person with what follows from that person's events.
struct PersonCheck {
    /// How much is compared.
    enum Scope: Sendable {
        /// Everything.
        case everything
        /// What follows from the events alone: progress and completions, whether their rewards are or will be given, and
        /// claims that no event explains.
        case progress
    }

    let userID: Identifier
    let person: VerificationSnapshot.Person
    let history: CatalogHistory
    let scope: Scope
    /// What must stand in the tables, by quest.
    let expectations: [Identifier: Expectation]
    private var expected: ExpectedCompletions
    private(set) var comparison: Comparison
    private(set) var inFlight = 0
    /// Completions whose reward nothing would ever give, in the scope of progress.
    private(set) var forgotten: [Identifier] = []
    /// How many differences were told of.
    private(set) var differenceCount = 0
    /// The quests that some of them were about.
    private(set) var differingQuests: Set<Identifier> = []

    /// Compares what holds for the person as a whole: progress rows, shared causes, ledger and balances.
    init(
        userID: Identifier, person: VerificationSnapshot.Person, history: CatalogHistory, scope: Scope = .everything
    ) {
        self.userID = userID
        self.person = person
        self.history = history
        self.scope = scope
        var expectations: [Identifier: Expectation] = [:]
        for questID in history.questIDs {
            expectations[questID] = Expectation(of: questID, events: person.events, history: history)
        }
        self.expectations = expectations
        expected = ExpectedCompletions(of: userID, expectations)
        comparison = Comparison(userID: userID)
        checkProgress()
        checkCauses()
        if scope == .everything { checkLedger() }
    }

    /// How many completions follow from the events.
    var expectedCount: Int64 { expectations.values.reduce(0) { $0 + Int64($1.progress.duplication) } }

    /// Compares the rows whose ids fall into `slice`. Each slice is added once, in their order.
    mutating func add(_ rewards: VerificationSnapshot.Rewards, in slice: IdentifierSlice) {
        var check = RewardCheck(rewards, expected: expected.take(slice), scope, comparison)
        check.run()
        comparison = check.comparison
        inFlight += check.inFlight
        forgotten += check.forgotten
    }

    /// Tells of what was found since the last time, and forgets it: one person may have any number of differences.
    mutating func tell(_ report: (Difference) -> Void) {
        for difference in comparison.differences {
            differenceCount += 1
            if let questID = difference.questID { differingQuests.insert(questID) }
            report(difference)
        }
        comparison = Comparison(userID: userID)
    }

    // MARK: Progress

    private mutating func checkProgress() {
        let rows = Dictionary(person.progress.map { ($0.questID, $0) }) { first, _ in first }
        for questID in Set(history.questIDs).union(rows.keys).sorted() {
            switch (expectations[questID], rows[questID]) {
            case (nil, nil): continue
            case (nil, .some(let row)):
                comparison.add("progress", of: questID, expected: "no row", found: row.progress.inWords)
            case (.some(let expected), nil):
                comparison.add("progress", of: questID, expected: expected.progress.inWords, found: "no row")
            case (.some(let expected), .some(let row)): check(row, questID, expected)
            }
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
        comparison.require("progress.last_goal", of: questID, is: expected.terms.streak, found: row.lastGoal)
        comparison.require("progress.last_limit", of: questID, is: expected.terms.duplication, found: row.lastLimit)
        // Where the last batch began is not recorded elsewhere; but from there its events must lead to where the row is.
        if !leadsHere(row, under: expected.terms) {
            comparison.add(
                "progress.last_*", of: questID, expected: "a batch that leads to \(row.progress.inWords)",
                found: "start \(row.lastStart), events \(row.lastEvents), completions \(row.lastCompletions)")
        }
    }

    /// Whether the last batch, as the row tells of it, ends where the row stands. A corrupt row may hold any number.
    private func leadsHere(_ row: VerificationSnapshot.ProgressRow, under terms: QuestTerms) -> Bool {
        let counted = Int64(row.lastStart) + Int64(row.lastEvents)
        let balanced = Int64(row.lastCompletions) * Int64(row.lastGoal) + Int64(row.progress.streak)
        guard counted == balanced, row.lastEvents >= 0, row.lastStart >= 0,
            (0...max(0, row.progress.duplication)).contains(row.lastCompletions),
            row.lastCompletions <= terms.duplication
        else { return false }
        guard row.lastEvents > 0 else { return row.lastStart == 0 && row.lastCompletions == 0 }
        var replayed = Progress(streak: row.lastStart, duplication: row.progress.duplication - row.lastCompletions)
        let made = replayed.count(Int64(row.lastEvents), under: terms).count
        return replayed == row.progress && made == row.lastCompletions
    }

    private mutating func checkCauses() {
        for shared in person.sharedCauses {
            comparison.add(
                "cause_id \(shared.causeID)", of: shared.questID.flatMap { Identifier($0) },
                expected: "the cause of one completion", found: "the cause of \(shared.count)")
        }
    }

    // MARK: Ledger

    private mutating func checkLedger() {
        for entry in person.breaks {
            comparison.require(
                "ledger.balance_after of entry \(entry.entryID)", is: entry.sum, found: String(entry.balanceAfter))
        }
        if let entry = person.reversed {
            comparison.add(
                "ledger.amount of entry \(entry.entryID)",
                expected: entry.kind == "spend" ? "something taken away" : "something added",
                found: String(entry.amount))
        }
        if person.claimCount > 0 && person.balances == nil {
            comparison.add("account", expected: "a row", found: "none")
        }
        let found = person.balances ?? (gold: 0, diamond: 0)
        comparison.require("balance.gold", is: person.ledger["gold"] ?? "0", found: String(found.gold))
        comparison.require("balance.diamond", is: person.ledger["diamond"] ?? "0", found: String(found.diamond))
    }
}

extension Progress {
    var inWords: String { "streak \(streak), duplication \(duplication)" }
}
