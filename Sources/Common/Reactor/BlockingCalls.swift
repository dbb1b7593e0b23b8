import NIOPosix

/// Threads for C calls that cannot be made non-blocking: name resolution, connecting, password hashing.
///
/// At most `threads` calls run at once and at most `queue` wait; one more is refused with `LeaseError.queueFull`.
public struct BlockingCalls: Sendable {
    private let pool: NIOThreadPool
    private let places: LeasePool<Void>

    public init(threads: Int, queue: Int) {
        pool = NIOThreadPool(numberOfThreads: threads)
        pool.start()
        places = LeasePool(limit: threads, waiters: queue, make: {})
    }

    /// How many calls run and how many wait.
    public var counts: (running: Int, waiting: Int) {
        let counts = places.counts
        return (counts.lent, counts.waiting)
    }

    /// Runs `body` on one of the threads. A call that runs is never interrupted; one that waits ends when cancelled.
    ///
    /// - Throws: `LeaseError`, `CancellationError`, and what `body` throws.
    public func run<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await places.withLease { [pool] _ in try await pool.runIfActive(body) }
    }
}
