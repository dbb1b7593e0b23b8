import Reactor
import Synchronization
import Testing

@Suite("The lease pool")
struct LeasePoolTests {
    private final class Resource: Sendable {
        let number: Int
        let isBroken = Atomic(false)

        init(_ number: Int) { self.number = number }
    }

    private final class Factory: Sendable {
        let made = Atomic(0)

        func make() -> Resource { Resource(made.add(1, ordering: .relaxed).newValue) }
    }

    private final class Gauge: Sendable {
        let running = Atomic(0)
        let most = Atomic(0)
    }

    private func pool(limit: Int, waiters: Int = 100, _ factory: Factory = Factory()) -> LeasePool<Resource> {
        LeasePool(
            limit: limit, waiters: waiters, make: { factory.make() },
            isUsable: { !$0.isBroken.load(ordering: .relaxed) })
    }

    @Test("Never lends more than the limit, and everybody gets a turn")
    func limit() async throws {
        let factory = Factory()
        let pool = pool(limit: 3, waiters: 1_000, factory)
        let gauge = Gauge()
        let served = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<500 {
                group.addTask {
                    try await pool.withLease { _ in
                        let now = gauge.running.add(1, ordering: .relaxed).newValue
                        _ = gauge.most.max(now, ordering: .relaxed)
                        await Task.yield()
                        gauge.running.subtract(1, ordering: .relaxed)
                        return 1
                    }
                }
            }
            return try await group.reduce(0, +)
        }
        #expect(served == 500)
        #expect(gauge.most.load(ordering: .relaxed) <= 3)
        #expect(factory.made.load(ordering: .relaxed) <= 3)
        #expect(pool.counts.lent == 0)
    }

    @Test("A broken resource is replaced, not lent again")
    func broken() async throws {
        let pool = pool(limit: 1)
        let first = try await pool.withLease { resource in
            resource.isBroken.store(true, ordering: .relaxed)
            return resource.number
        }
        let second = try await pool.withLease { $0.number }
        #expect(first != second)
    }

    @Test("A full queue refuses at once; a deadline and a cancellation end a wait and lose no place")
    func refusals() async throws {
        let pool = pool(limit: 1, waiters: 1)
        let (held, hold) = AsyncStream<Void>.makeStream()
        let (released, release) = AsyncStream<Void>.makeStream()
        async let holder: Void = pool.withLease { _ in
            hold.yield()
            for await _ in released { break }
        }
        for await _ in held { break }
        await #expect(throws: LeaseError.deadline) {
            try await pool.withLease(before: .now + .milliseconds(5)) { _ in }
        }
        let waiter = Task { try await pool.withLease { _ in } }
        while pool.counts.waiting == 0 { await Task.yield() }
        await #expect(throws: LeaseError.queueFull) { try await pool.withLease { _ in } }
        waiter.cancel()
        await #expect(throws: CancellationError.self) { try await waiter.value }
        release.yield()
        try await holder
        #expect(try await pool.withLease { _ in 7 } == 7)
        pool.close()
        await #expect(throws: LeaseError.closed) { try await pool.withLease { _ in } }
    }

    @Test("When making fails, the next in line may try")
    func failingFactory() async throws {
        struct Failure: Error {}
        let factory = Factory()
        let pool = LeasePool<Int>(limit: 1, waiters: 10) {
            if factory.make().number == 1 { throw Failure() }
            return 5
        }
        await #expect(throws: Failure.self) { try await pool.withLease { $0 } }
        #expect(try await pool.withLease { $0 } == 5)
    }

    @Test("Backoff doubles up to its cap, within its upper half")
    func backoff() {
        var backoff = Backoff(base: .milliseconds(100), cap: .seconds(1))
        for whole in [100, 200, 400, 800, 1_000, 1_000] {
            let wait = backoff.next()
            #expect(wait >= .milliseconds(whole) / 2 && wait <= .milliseconds(whole))
        }
        backoff.reset()
        #expect(backoff.next() <= .milliseconds(100))
    }
}
