import Reactor
import Synchronization

/// Spares callers the wait for something that has just failed: after a failure one of them tries again each time the
/// backoff has passed, the others go the other way at once.
final class Breaker: Sendable {
    private struct State {
        var backoff = Backoff(base: .milliseconds(250), cap: .seconds(5))
        var closedUntil: ContinuousClock.Instant?
    }

    private let state = Mutex(State())

    /// Whether to try. The one who is told so while it is closed tries for all.
    func allows(at now: ContinuousClock.Instant = .now) -> Bool {
        state.withLock { state in
            guard let until = state.closedUntil else { return true }
            guard until <= now else { return false }
            state.closedUntil = now + .seconds(2)
            return true
        }
    }

    func succeeded() {
        state.withLock { state in
            state.closedUntil = nil
            state.backoff.reset()
        }
    }

    func failed(at now: ContinuousClock.Instant = .now) {
        state.withLock { $0.closedUntil = now + $0.backoff.next() }
    }
}

/// The time for something ran out.
struct DeadlineError: Error, CustomStringConvertible {
    let limit: Duration

    var description: String { "no answer within \(limit)" }
}

/// Runs `body` and cancels it after `limit`.
///
/// - Throws: `DeadlineError`, or what `body` throws.
@discardableResult
func withDeadline<Value: Sendable>(
    _ limit: Duration, _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    try await withThrowingTaskGroup(of: Value?.self) { group in
        group.addTask { try await body() }
        group.addTask {
            try await Task.sleep(for: limit)
            return nil
        }
        defer { group.cancelAll() }
        guard let first = try await group.next(), let value = first else { throw DeadlineError(limit: limit) }
        return value
    }
}
