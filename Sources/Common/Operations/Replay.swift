import Domain
import Postgres
import Storage

/// What `replay` found and did.
public struct ReplayReport: Sendable {
    public internal(set) var people = 0
    /// People with a difference.
    public internal(set) var differing = 0
    public internal(set) var differences = 0
    /// Completions that were put into the outbox: missing ones, and those on record that nothing led to a claim.
    public internal(set) var emitted = 0
    /// Differences that are still there.
    public internal(set) var remaining = 0
}

/// Rebuilds progress from the events, by the rule that `verify` steps.
public struct Replay: Sendable {
    private let reads: VerificationReads
    private let rebuild: ProgressRebuild
    private let emittedAtOnce: Int64

    /// - Parameter emittedAtOnce: how many completions one transaction emits at most, so that it does not keep workers
    ///   waiting.
    public init(_ postgres: PostgresClient, emittedAtOnce: Int64 = 20_000) {
        reads = VerificationReads(postgres)
        rebuild = ProgressRebuild(postgres)
        self.emittedAtOnce = max(1, emittedAtOnce)
    }

    /// Compares progress and completions with the events, in pages as `Verification` does, and, if asked to, folds each
    /// differing person again under that person's row locks, in a transaction each, or in several, each counting again, for
    /// somebody who misses many completions: right beside running workers.
    ///
    /// A missing completion is emitted, and one on record that neither outbox nor claim knows is put back into the outbox. A completion or claim that the events do not explain is named and never taken
    /// back, and the row does not fall below it, for the next completion needs an id of its own; nor is a missing one
    /// emitted for which there is a surplus one, and while there are more than the events lead to the streak begins at 0,
    /// so that no event is paid for again. All these stay differences.
    ///
    /// - Parameters:
    ///   - person: only this one.
    ///   - rows: how many rows of a table are read at once.
    ///   - found: called with each difference.
    ///   - remaining: called with each that is still there after the person was rebuilt.
    /// - Throws: `PostgresError`; the people rebuilt until then stay so.
    public func run(
        of person: Identifier? = nil, applying: Bool, rows: Int = Verification.defaultRows,
        found: @escaping @Sendable (Difference) -> Void, remaining: @escaping @Sendable (Difference) -> Void
    ) async throws -> ReplayReport {
        var report = ReplayReport()
        var start: Identifier? = person ?? Identifier(high: 0, low: 0)
        while let first = start {
            let rows = max(1, rows)
            let (checked, next) = try await reads.snapshot { view in
                let page = person.map { view.page(of: $0) }
                let chosen: VerificationPage
                if let page { chosen = page } else { chosen = try await view.page(from: first, rows: rows) }
                return (try await Replay.check(view, chosen, rows, found), chosen.next)
            }
            report.people += checked.people
            report.differing += checked.differing.count
            for one in checked.differing {
                report.differences += one.differences
                guard applying else {
                    report.remaining += one.differences
                    continue
                }
                report.emitted += try await mend(one)
                report.remaining += try await reads.snapshot { view in
                    try await Replay.check(view, view.page(of: one.userID), rows, remaining).differences
                }
            }
            start = person == nil ? next : nil
        }
        return report
    }

    // MARK: Comparing

    private struct Differing: Sendable {
        let userID: Identifier
        let quests: Set<Identifier>
        let forgotten: [Identifier]
        let differences: Int
    }

    private struct Checked: Sendable {
        let people: Int
        let differing: [Differing]

        var differences: Int { differing.reduce(0) { $0 + $1.differences } }
    }

    private static func check(
        _ view: VerificationView, _ page: VerificationPage, _ rows: Int, _ report: (Difference) -> Void
    ) async throws -> Checked {
        let checks = try await PageCheck(view, page, rows: rows, scope: .progress).run(report)
        return Checked(
            people: checks.count,
            differing: checks.filter { $0.differenceCount > 0 }.map {
                Differing(
                    userID: $0.userID, quests: $0.differingQuests, forgotten: $0.forgotten,
                    differences: $0.differenceCount)
            })
    }

    // MARK: Folding again

    /// - Returns: how many completions were emitted.
    private func mend(_ one: Differing) async throws -> Int {
        var emitted = 0
        var reached: [Identifier: Int32] = [:]
        while true {
            let folded = try await patiently { try await fold(one.userID, one.quests, after: reached) }
            emitted += folded.emitted
            reached = folded.reached
            if folded.emitted < emittedAtOnce { break }
        }
        var rest = one.forgotten[...]
        while !rest.isEmpty {
            let some = Array(rest.prefix(5_000))
            emitted += try await patiently { try await rebuild.putBack(some, of: one.userID) }
            rest = rest.dropFirst(some.count)
        }
        return emitted
    }

    /// Beside workers a lock may be waited for too long, or a deadlock be ended here.
    private func patiently<Value>(_ body: () async throws -> Value) async throws -> Value {
        for _ in 1..<Replay.tries {
            do {
                return try await body()
            } catch let error as PostgresError where error.isRetryable {
                try await Task.sleep(for: .milliseconds(Int.random(in: 100...500)))
            }
        }
        return try await body()
    }

    private static let tries = 10

    private struct Folded: Sendable {
        /// How many completions were emitted: fewer than `emittedAtOnce` only if no more are missing.
        var emitted = 0
        /// By quest the number up to which none is missing any more.
        var reached: [Identifier: Int32]
    }

    /// - Parameter reached: what the transaction before has told.
    private func fold(
        _ userID: Identifier, _ quests: Set<Identifier>, after reached: [Identifier: Int32]
    ) async throws -> Folded {
        try await rebuild.run(of: userID) { person in
            let catalog = try await person.catalog()
            let history = CatalogHistory(quests: catalog.quests, rewards: catalog.rewards)
            let known = quests.filter { history.latest($0) != nil }.sorted()
            try await person.lock(known)
            // Only now, in a statement that sees what the row locks waited for.
            let events = try await person.eventCounts(types: history.eventTypes)
            var room = emittedAtOnce
            var folded = Folded(reached: reached)
            for questID in known {
                let expected = Expectation(of: questID, events: events, history: history)
                let last = expected?.progress.duplication ?? 0
                let recorded = try await person.completions(of: questID, expectedThrough: last)
                let row = RebuiltProgress(questID, expected, recorded, latest: history.latest(questID))
                if let row { try await person.write(row) } else { try await person.remove(questID) }
                // A worker that counted on from too high a number gave a surplus completion for an expected one: to emit
                // that one too would reward a streak twice.
                var missing = Int64(last) - recorded.explained - recorded.surplus
                for run in expected?.runs ?? [] where missing > 0 && room > 0 {
                    let emitted = try await person.emit(
                        run, of: questID, after: folded.reached[questID] ?? 0, atMost: min(missing, room))
                    missing -= emitted.count
                    room -= emitted.count
                    if let last = emitted.last { folded.reached[questID] = last }
                }
            }
            // No worker counts for a quest that the catalog never had.
            for questID in quests.subtracting(known).sorted()
            where try await person.completions(of: questID, expectedThrough: 0).highest == 0 {
                try await person.remove(questID)
            }
            folded.emitted = Int(emittedAtOnce - room)
            if !quests.isEmpty { try await person.note(quests.sorted(), emitted: folded.emitted) }
            return folded
        }
    }
}

extension RebuiltProgress {
    /// - Parameters:
    ///   - recorded: the completions on record; the row does not fall below the greatest number among them. While there
    ///     are more than the events lead to, the present streak begins anew: its events are paid for by the surplus.
    ///   - latest: the last version of the quest.
    /// - Returns: nil if nothing calls for a row.
    init?(_ questID: Identifier, _ expected: Expectation?, _ recorded: CompletionsOnRecord, latest: Quest?) {
        if let expected {
            var progress = expected.progress
            let isAhead = recorded.explained + recorded.surplus > Int64(progress.duplication)
            progress.duplication = max(progress.duplication, recorded.highest)
            if isAhead || progress.isExhausted(under: expected.terms) { progress.streak = 0 }
            self.init(questID: questID, revision: expected.revision, progress: progress, terms: expected.terms)
        } else if recorded.highest > 0, let latest {
            self.init(
                questID: questID, revision: latest.revision,
                progress: Progress(streak: 0, duplication: recorded.highest), terms: latest.terms)
        } else {
            return nil
        }
    }
}
