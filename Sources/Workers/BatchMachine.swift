/// What to do next with the entries of one read, and nothing of how: no socket, no clock.
///
/// The order that loses nothing: apply (which commits), then bury what can never be applied, then acknowledge. Whatever
/// fails in between is done again from there; applying twice is harmless, acknowledging early would not be.
struct BatchMachine: Sendable {
    enum Step: Equatable, Sendable {
        /// Record these entries in one transaction.
        case apply(Range<Int>)
        /// Move one entry to the dead letters, which acknowledges it.
        case bury(Int, reason: String)
        case acknowledge([Int])
    }

    enum Action: Equatable, Sendable {
        case perform(Step)
        /// Wait a little, then ask again.
        case wait
        case finished
    }

    /// What to do, the next one last.
    private var steps: [Step]
    private var mustWait = false

    /// - Parameter malformed: entries that cannot be parsed, with the reason.
    init(count: Int, malformed: [Int: String] = [:]) {
        let wellFormed = count - malformed.count
        steps = wellFormed > 0 ? [.apply(0..<wellFormed)] : []
        // Buried first: a bad entry must not wait for a database that is away.
        steps += malformed.sorted { $0.key > $1.key }.map { .bury($0.key, reason: $0.value) }
    }

    var next: Action {
        if mustWait { return .wait }
        return steps.last.map(Action.perform) ?? .finished
    }

    /// The wait is over.
    mutating func waited() {
        mustWait = false
    }

    /// The last step is done.
    ///
    /// - Parameter refused: of an `apply`, the items (counted as in its range) that went nowhere, with the reason.
    mutating func succeeded(refusing refused: [Int: String] = [:]) {
        guard case .apply(let range) = steps.popLast() else { return }
        steps.append(.acknowledge(range.filter { refused[$0] == nil }))
        steps += refused.sorted { $0.key > $1.key }.map { .bury($0.key, reason: $0.value) }
    }

    /// Something was not there; nothing is known to be wrong with the entries.
    mutating func unavailable() {
        mustWait = true
    }

    /// A healthy database refused what was applied: the bad entries are found by halving, and one that is refused alone
    /// is buried.
    mutating func rejected(_ reason: String) {
        guard case .apply(let range) = steps.popLast() else { return }
        guard range.count > 1 else {
            steps.append(.bury(range.lowerBound, reason: reason))
            return
        }
        let middle = range.lowerBound + range.count / 2
        steps.append(.apply(middle..<range.upperBound))
        steps.append(.apply(range.lowerBound..<middle))
    }
}
