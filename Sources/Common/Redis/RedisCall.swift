import Synchronization

/// One caller's commands, adjacent on the wire, and the caller who waits for their replies.
///
/// Whatever happens first (all replies, an error, the deadline, cancellation) is the outcome, and the caller is resumed
/// with it exactly once; replies that come later are dropped.
final class RedisCall: Sendable {
    typealias Outcome = Result<[RedisReply], RedisError>

    private struct State {
        var continuation: CheckedContinuation<Outcome, Never>?
        var replies: [RedisReply] = []
        var isOver = false
        /// Kept only while nobody has been told: a reply must not live longer than its caller wants it.
        var outcome: Outcome?
        var isOnWire = false
    }

    let operation: String
    let wire: WireCommands
    /// Whether the commands have an effect only when all of them arrived: one command, or MULTI … EXEC.
    let isAtomic: Bool
    let deadline: ContinuousClock.Instant
    private let state = Mutex(State())

    init(_ operation: String, _ wire: WireCommands, isAtomic: Bool, deadline: ContinuousClock.Instant) {
        self.operation = operation
        self.wire = wire
        self.isAtomic = isAtomic
        self.deadline = deadline
    }

    /// How many commands it has, and how many replies it waits for.
    var commands: Int { wire.count }

    /// What came of a call that nobody waits for.
    var outcome: Outcome? { state.withLock { $0.outcome } }
    var isOver: Bool { state.withLock { $0.isOver } }

    /// - Returns: false if the call is over already; the caller was resumed then.
    func arm(_ continuation: CheckedContinuation<Outcome, Never>) -> Bool {
        let outcome = state.withLock { state in
            if !state.isOver { state.continuation = continuation }
            return state.outcome
        }
        guard let outcome else { return true }
        continuation.resume(returning: outcome)
        return false
    }

    /// Claims the call for the wire. From here on a failure is `outcomeUnknown`.
    ///
    /// - Returns: false if the call is over; it must not be sent then, its caller was told so.
    func beginSending() -> Bool {
        state.withLock { state in
            guard !state.isOver else { return false }
            state.isOnWire = true
            return true
        }
    }

    /// Takes the call back from a connection that did not send it.
    func wasNotSent() {
        state.withLock { $0.isOnWire = false }
    }

    func take(_ reply: RedisReply) {
        let isComplete = state.withLock { state in
            guard !state.isOver else { return false }
            state.replies.append(reply)
            return state.replies.count == commands
        }
        if isComplete { finish { .success($0.replies) } }
    }

    func fail(_ error: RedisError) {
        finish { _ in .failure(error) }
    }

    /// Fails with `unavailable` or `outcomeUnknown`, depending on whether the wire has seen the call.
    func fail(detail: String, prefix: String? = nil) {
        finish { state in
            let code: RedisError.Code = state.isOnWire ? .outcomeUnknown : .unavailable
            return .failure(RedisError(code, operation, detail, prefix: prefix))
        }
    }

    private func finish(_ outcome: (borrowing State) -> Outcome) {
        let ended: (CheckedContinuation<Outcome, Never>, Outcome)? = state.withLock { state in
            guard !state.isOver else { return nil }
            let result = outcome(state)
            state.isOver = true
            state.replies = []
            guard let continuation = state.continuation else {
                state.outcome = result
                return nil
            }
            state.continuation = nil
            return (continuation, result)
        }
        if let (continuation, outcome) = ended { continuation.resume(returning: outcome) }
    }
}
