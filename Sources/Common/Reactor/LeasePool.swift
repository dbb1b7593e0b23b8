import Synchronization

/// Why no resource could be leased.
public enum LeaseError: Error, Equatable, Sendable {
    /// As many callers as allowed are waiting already.
    case queueFull
    /// No resource came free before the deadline.
    case deadline
    /// The pool was closed.
    case closed
}

/// Lends at most `limit` resources at a time, made when first needed; further callers wait in order, up to `waiters`.
///
/// A resource that is no longer usable when it comes back is closed and replaced, never lent again.
public final class LeasePool<Resource: Sendable>: Sendable {
    private struct Waiter {
        let token: UInt64
        let continuation: CheckedContinuation<Resource?, any Error>
    }

    private struct State {
        var idle: [Resource] = []
        var lent = 0
        var waiting: [Waiter] = []
        var nextToken: UInt64 = 0
        var isClosed = false
    }

    public let limit: Int
    private let waiters: Int
    private let make: @Sendable () async throws -> Resource
    private let isUsable: @Sendable (Resource) -> Bool
    private let dispose: @Sendable (Resource) -> Void
    private let state = Mutex(State())

    public init(
        limit: Int, waiters: Int, make: @escaping @Sendable () async throws -> Resource,
        isUsable: @escaping @Sendable (Resource) -> Bool = { _ in true },
        dispose: @escaping @Sendable (Resource) -> Void = { _ in }
    ) {
        self.limit = limit
        self.waiters = waiters
        self.make = make
        self.isUsable = isUsable
        self.dispose = dispose
    }

    /// (idle, lent, waiting) at this moment, for metrics.
    public var counts: (idle: Int, lent: Int, waiting: Int) {
        state.withLock { ($0.idle.count, $0.lent, $0.waiting.count) }
    }

    /// Runs `body` with a resource that nobody else holds meanwhile.
    ///
    /// - Throws: `LeaseError`, `CancellationError`, whatever making a resource throws, and what `body` throws.
    public func withLease<Value: Sendable>(
        before deadline: ContinuousClock.Instant? = nil,
        _ body: @Sendable (Resource) async throws -> Value
    ) async throws -> Value {
        let resource = try await take(before: deadline)
        do {
            let value = try await body(resource)
            giveBack(resource)
            return value
        } catch {
            giveBack(resource)
            throw error
        }
    }

    /// Closes what is idle now and everything else when it comes back; whoever waits gets `LeaseError.closed`.
    public func close() {
        let (idle, waiting) = state.withLock { state in
            state.isClosed = true
            defer {
                state.idle = []
                state.waiting = []
            }
            return (state.idle, state.waiting)
        }
        idle.forEach(dispose)
        for waiter in waiting { waiter.continuation.resume(throwing: LeaseError.closed) }
    }

    private func take(before deadline: ContinuousClock.Instant?) async throws -> Resource {
        if let resource = try await lend(before: deadline) { return resource }
        do {
            return try await make()
        } catch {
            passOn()
            throw error
        }
    }

    /// A usable idle resource, or nil for the right to make one.
    private func lend(before deadline: ContinuousClock.Instant?) async throws -> Resource? {
        // Most callers find a resource at once and need neither a place in the queue nor a timer.
        if let answer = answerAtOnce(to: nil) { return try answer.get() }
        let token = state.withLock { state in
            state.nextToken += 1
            return state.nextToken
        }
        let timer = deadline.map { deadline in
            Task {
                try await Task.sleep(until: deadline)
                self.refuse(token, LeaseError.deadline)
            }
        }
        defer { timer?.cancel() }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let waiter = Waiter(token: token, continuation: continuation)
                if let answer = answerAtOnce(to: waiter) { continuation.resume(with: answer) }
            }
        } onCancel: {
            refuse(token, CancellationError())
        }
    }

    /// What the caller gets without waiting; nil if it has to wait, and `waiter`, if given, now stands in the queue.
    private func answerAtOnce(to waiter: Waiter?) -> Result<Resource?, any Error>? {
        var stale: [Resource] = []
        defer { stale.forEach(dispose) }
        return state.withLock { state in
            // Under the lock that `refuse` takes: a cancellation is either seen here or finds the waiter.
            if Task.isCancelled { return .failure(CancellationError()) }
            if state.isClosed { return .failure(LeaseError.closed) }
            while let resource = state.idle.popLast() {
                guard isUsable(resource) else {
                    stale.append(resource)
                    continue
                }
                state.lent += 1
                return .success(resource)
            }
            if state.lent < limit {
                state.lent += 1
                return .success(nil)
            }
            if state.waiting.count >= waiters { return .failure(LeaseError.queueFull) }
            if let waiter { state.waiting.append(waiter) }
            return nil
        }
    }

    private func refuse(_ token: UInt64, _ error: any Error) {
        let waiter: Waiter? = state.withLock { state in
            guard let index = state.waiting.firstIndex(where: { $0.token == token }) else { return nil }
            return state.waiting.remove(at: index)
        }
        waiter?.continuation.resume(throwing: error)
    }

    private func giveBack(_ resource: Resource) {
        guard isUsable(resource) else {
            dispose(resource)
            passOn()
            return
        }
        let (next, closed): (Waiter?, Bool) = state.withLock { state in
            if state.isClosed {
                state.lent -= 1
                return (nil, true)
            }
            if state.waiting.isEmpty {
                state.lent -= 1
                state.idle.append(resource)
                return (nil, false)
            }
            return (state.waiting.removeFirst(), false)
        }
        if closed { dispose(resource) }
        next?.continuation.resume(returning: resource)
    }

    /// Hands the right to make a resource to whoever waits longest.
    private func passOn() {
        let next: Waiter? = state.withLock { state in
            if state.waiting.isEmpty {
                state.lent -= 1
                return nil
            }
            return state.waiting.removeFirst()
        }
        next?.continuation.resume(returning: nil)
    }
}
