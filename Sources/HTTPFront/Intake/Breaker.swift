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
