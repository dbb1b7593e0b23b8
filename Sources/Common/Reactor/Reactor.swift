import CEpoll
import Glibc
import Synchronization

/// Why a wait ended without readiness.
public enum WaitError: Error, Equatable, Sendable {
    /// The deadline passed first.
    case deadline
    /// The waiting task was cancelled.
    case cancelled
    /// `Reactor.forget` was called for the descriptor.
    case closed
    /// The kernel refused the descriptor, with this `errno`.
    case system(Int32)
}

/// Waits on file descriptors for every connection of the process, on one thread of its own.
///
/// A C library is put into non-blocking mode and calls `ready` whenever it would block, so no call ever holds a thread
/// of Swift's cooperative pool. At most one task may wait on a descriptor at a time.
public final class Reactor: Sendable {
    public enum Interest: Sendable {
        case readable
        case writable
        case either
    }

    /// The instance every client uses unless a test makes its own.
    public static let shared = Reactor()

    private struct Waiter {
        let descriptor: Int32
        let deadline: ContinuousClock.Instant?
        let continuation: CheckedContinuation<Void, any Error>
    }

    private struct State {
        var waiters: [UInt64: Waiter] = [:]
        var nextToken: UInt64 = 1
        var wakesAt: ContinuousClock.Instant?
        var isStarted = false
    }

    private let epoll: Int32
    private let wakeup: Int32
    private let state = Mutex(State())

    public init() {
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        wakeup = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        var event = unsafe epoll_event(events: EPOLLIN.rawValue, data: epoll_data_t(u64: 0))
        _ = unsafe epoll_ctl(epoll, EPOLL_CTL_ADD, wakeup, &event)
    }

    /// Returns when `descriptor` is ready, has an error or was hung up by its peer: the next read or write tells which.
    ///
    /// - Throws: `WaitError`, at once when the task is cancelled, no later than a few milliseconds after `deadline`.
    public func ready(
        _ descriptor: Int32, for interest: Interest, before deadline: ContinuousClock.Instant? = nil
    ) async throws {
        let token = state.withLock { state in
            defer { state.nextToken += 1 }
            return state.nextToken
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                register(
                    token, Waiter(descriptor: descriptor, deadline: deadline, continuation: continuation), interest)
            }
        } onCancel: {
            finish(token, .failure(WaitError.cancelled))
        }
    }

    /// Ends any wait on `descriptor` with `WaitError.closed`; to be called before the descriptor is closed.
    public func forget(_ descriptor: Int32) {
        let ended = state.withLock { state in
            let tokens = state.waiters.filter { $0.value.descriptor == descriptor }.map(\.key)
            return tokens.compactMap { state.waiters.removeValue(forKey: $0) }
        }
        _ = epoll_ctl(epoll, EPOLL_CTL_DEL, descriptor, nil)
        for waiter in ended { waiter.continuation.resume(throwing: WaitError.closed) }
    }

    private func register(_ token: UInt64, _ waiter: Waiter, _ interest: Interest) {
        let wanted =
            switch interest {
            case .readable: EPOLLIN.rawValue
            case .writable: EPOLLOUT.rawValue
            case .either: EPOLLIN.rawValue | EPOLLOUT.rawValue
            }
        let events = wanted | EPOLLONESHOT.rawValue | EPOLLRDHUP.rawValue
        var mustWake = false
        let refusal: WaitError? = state.withLock { state in
            // Checked under the lock that `finish` takes: a cancellation is either seen here or finds the waiter.
            if Task.isCancelled { return .cancelled }
            if !state.isStarted {
                guard startThread() else { return .system(EAGAIN) }
                state.isStarted = true
            }
            state.waiters[token] = waiter
            if let error = arm(waiter.descriptor, events, token) {
                state.waiters[token] = nil
                return .system(error)
            }
            if let deadline = waiter.deadline, state.wakesAt.map({ deadline < $0 }) ?? true {
                state.wakesAt = deadline
                mustWake = true
            }
            return nil
        }
        if let refusal { waiter.continuation.resume(throwing: refusal) }
        if mustWake { eventfd_write(wakeup, 1) }
    }

    private func arm(_ descriptor: Int32, _ events: UInt32, _ token: UInt64) -> Int32? {
        var event = unsafe epoll_event(events: events, data: epoll_data_t(u64: token))
        if unsafe epoll_ctl(epoll, EPOLL_CTL_MOD, descriptor, &event) == 0 { return nil }
        guard errno == ENOENT else { return errno }
        return unsafe epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) == 0 ? nil : errno
    }

    private func finish(_ token: UInt64, _ result: Result<Void, WaitError>) {
        guard let waiter = state.withLock({ $0.waiters.removeValue(forKey: token) }) else { return }
        waiter.continuation.resume(with: result.mapError { $0 })
    }

    private func startThread() -> Bool {
        var thread = pthread_t()
        let context = unsafe Unmanaged.passRetained(self).toOpaque()
        // The thread never ends, so it keeps its reactor alive.
        let failed = unsafe pthread_create(
            &thread, nil,
            { context in
                if let context = unsafe context {
                    unsafe Unmanaged<Reactor>.fromOpaque(context).takeRetainedValue().loop()
                }
                return nil
            }, context)
        guard failed == 0 else { return false }
        pthread_detach(thread)
        return true
    }

    private func loop() {
        var events = unsafe [epoll_event](repeating: epoll_event(), count: 64)
        while true {
            let count = unsafe epoll_wait(epoll, &events, Int32(events.count), millisecondsToNextDeadline())
            for index in 0..<max(0, Int(count)) {
                let token = unsafe events[index].data.u64
                if token == 0 {
                    var value: eventfd_t = 0
                    _ = unsafe eventfd_read(wakeup, &value)
                } else {
                    finish(token, .success(()))
                }
            }
            expire()
        }
    }

    private func millisecondsToNextDeadline() -> Int32 {
        state.withLock { state in
            state.wakesAt = state.waiters.values.lazy.compactMap(\.deadline).min()
            guard let wakesAt = state.wakesAt else { return -1 }
            let left = ContinuousClock.now.duration(to: wakesAt) / .milliseconds(1)
            return Int32(max(0, min(left.rounded(.up), 60_000)))
        }
    }

    private func expire() {
        let now = ContinuousClock.now
        let late = state.withLock { state in
            state.waiters.filter { $0.value.deadline.map { $0 <= now } ?? false }.map(\.key)
        }
        for token in late { finish(token, .failure(.deadline)) }
    }
}
