import Synchronization

/// Small transactions of several callers, some at a time in one round trip.
///
/// Whoever finds a round trip free sends what it has at once. Whoever does not waits, and goes along with the next one: so
/// under load neither side is woken for each of them. Every transaction takes effect or fails by itself, but waits for those
/// that are sent before it, locks included.
public final class SharedRoundTrips: Sendable {
    private typealias Outcome = Result<[PostgresResult], PostgresError>

    private struct Waiter {
        let statements: [SQL]
        let continuation: CheckedContinuation<Turn, Never>
    }

    private enum Turn {
        /// A round trip is free: send what is there, for others too.
        case send
        /// Somebody has sent it.
        case done(Outcome)
    }

    private struct State {
        var free: Int
        var waiting: [Waiter] = []
    }

    /// Transactions that write more rows of a kind than this are better off with a connection of their own.
    public static let fewRows = 64
    /// The most transactions of one round trip.
    private static let most = 16

    private let client: PostgresClient
    private let operation: String
    private let state: Mutex<State>

    /// - Parameters:
    ///   - operation: what the transactions do, for errors.
    ///   - limit: so many round trips at a time, each on a connection of its own.
    public init(_ client: PostgresClient, operation: String, limit: Int) {
        self.client = client
        self.operation = operation
        state = Mutex(State(free: limit))
    }

    /// How many callers wait for a round trip at this moment.
    public var waiting: Int { state.withLock { $0.waiting.count } }

    /// Runs statements in one transaction: all take effect or none.
    ///
    /// - Throws: `PostgresError`; after one whose `outcomeIsUnknown`, the transaction may have been committed.
    public func transaction(_ statements: [SQL]) async throws -> [PostgresResult] {
        guard case .done(let outcome) = await turn(of: statements) else {
            return try await sendWithOthers(statements).get()
        }
        return try outcome.get()
    }

    private func turn(of statements: [SQL]) async -> Turn {
        await withCheckedContinuation { continuation in
            let isFree = state.withLock { state in
                guard state.free == 0 else {
                    state.free -= 1
                    return true
                }
                state.waiting.append(Waiter(statements: statements, continuation: continuation))
                return false
            }
            if isFree { continuation.resume(returning: .send) }
        }
    }

    private func sendWithOthers(_ statements: [SQL]) async -> Outcome {
        let others = state.withLock { state in
            let others = Array(state.waiting.prefix(SharedRoundTrips.most - 1))
            state.waiting.removeFirst(others.count)
            return others
        }
        let outcomes = await client.outcomes(of: [statements] + others.map(\.statements), operation: operation)
        passOn()
        for (other, outcome) in zip(others, outcomes.dropFirst()) {
            other.continuation.resume(returning: .done(foreign(outcome)))
        }
        return outcomes[0]
    }

    /// Whoever waits longest sends next. One that was cancelled meanwhile fails at once, and passes on in turn.
    private func passOn() {
        let next: Waiter? = state.withLock { state in
            guard state.waiting.isEmpty else { return state.waiting.removeFirst() }
            state.free += 1
            return nil
        }
        next?.continuation.resume(returning: .send)
    }

    /// Who was not cancelled only sees a connection that is lost.
    private func foreign(_ outcome: Outcome) -> Outcome {
        outcome.mapError { error in
            guard error.code == .cancelled else { return error }
            return PostgresError(
                .connection, operation: operation, message: "given up by another caller", outcomeIsUnknown: true)
        }
    }
}
