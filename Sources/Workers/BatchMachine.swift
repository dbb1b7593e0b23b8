/// What to do next with the entries of one read, and nothing of how: no socket, no clock.
///
/// The order that loses nothing: apply (which commits), then bury what can never be applied, then acknowledge. Whatever
/// fails in between is done again from there; applying twice is harmless, acknowledging early would not be.
struct BatchMachine: Sendable {
    /// An item that can never be applied.
    struct Burial: Equatable, Sendable {
        let item: Int
        let reason: String
    }

    enum Step: Equatable, Sendable {
        /// Record these items in one transaction.
        case apply([Int])
        /// Move them to the dead letters, which acknowledges them.
        case bury([Burial])
        case acknowledge([Int])
    }

    enum Action: Equatable, Sendable {
        case perform(Step)
        /// Wait a little, then ask again.
        case wait
        case finished
    }

    /// What the database says about a batch that it has refused.
    struct Suspicion: Equatable, Sendable {
        /// The first item that it met and did not take.
        let item: Int
        /// Those that it had met before.
        let before: Set<Int>
    }

    /// What to do, the next one last.
    private var steps: [Step] = []
    /// Items that the database has met and found nothing wrong with, before it refused another one. They are applied
    /// last, all together.
    private var cleared: [Int] = []
    private var applied: [Int] = []
    private var refused: [Burial] = []
    private var mustWait = false

    /// - Parameter malformed: entries that cannot be parsed, with the reason.
    init(count: Int, malformed: [Int: String] = [:]) {
        let wellFormed = (0..<count).filter { malformed[$0] == nil }
        if !wellFormed.isEmpty { steps.append(.apply(wellFormed)) }
        // Buried first: a bad entry must not wait for a database that is away.
        if !malformed.isEmpty { steps.append(.bury(BatchMachine.burials(malformed))) }
    }

    var next: Action {
        if mustWait { return .wait }
        if let step = steps.last { return .perform(step) }
        // At the end, all at once: whoever is interrupted here does it all again, which changes nothing.
        if !refused.isEmpty { return .perform(.bury(refused)) }
        if !applied.isEmpty { return .perform(.acknowledge(applied)) }
        return .finished
    }

    /// The wait is over.
    mutating func waited() {
        mustWait = false
    }

    /// The last step is done.
    ///
    /// - Parameter refusing: of an `apply`, the items that went nowhere, with the reason.
    mutating func succeeded(refusing reasons: [Int: String] = [:]) {
        switch steps.popLast() {
        case .apply(let items):
            applied += items.filter { reasons[$0] == nil }
            refused += BatchMachine.burials(reasons)
        case .bury, .acknowledge: break
        case nil:
            if refused.isEmpty { applied = [] }
            refused = []
        }
        applyCleared()
    }

    /// Something was not there; nothing is known to be wrong with the entries.
    mutating func unavailable() {
        mustWait = true
    }

    /// A healthy database refused what was applied. The bad items are found by halving, or at once where the database
    /// names one; only what is refused alone is buried.
    mutating func rejected(_ reason: String, suspecting suspicion: Suspicion? = nil) {
        guard case .apply(let items) = steps.popLast() else { return }
        defer { applyCleared() }
        guard items.count > 1 else {
            refused += items.map { Burial(item: $0, reason: reason) }
            return
        }
        guard let suspicion, items.contains(suspicion.item) else {
            let middle = items.count / 2
            steps.append(.apply(Array(items[middle...])))
            steps.append(.apply(Array(items[..<middle])))
            return
        }
        cleared += items.filter(suspicion.before.contains)
        let rest = items.filter { $0 != suspicion.item && !suspicion.before.contains($0) }
        if !rest.isEmpty { steps.append(.apply(rest)) }
        steps.append(.apply([suspicion.item]))
    }

    private mutating func applyCleared() {
        guard steps.isEmpty, !cleared.isEmpty else { return }
        steps = [.apply(cleared.sorted())]
        cleared = []
    }

    private static func burials(_ reasons: [Int: String]) -> [Burial] {
        reasons.sorted { $0.key < $1.key }.map { Burial(item: $0.key, reason: $0.value) }
    }
}
