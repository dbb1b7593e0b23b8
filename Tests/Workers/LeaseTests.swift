import Logging
import Redis
import Runtime
import Streams
import TestSupport
import Testing

@testable import Workers

@Suite("The lease of a worker on what it holds")
struct LeaseTests {
    /// A stream with `count` entries, all given to the consumer `one`.
    private func with(_ count: Int, _ body: (ConsumerGroup, ConsumerGroup, [StreamID]) async throws -> Void)
        async throws
    {
        try await TestRedis.with { redis in
            let keys = StreamKeys(prefix: redis.prefix)
            func consumer(_ name: String) -> ConsumerGroup {
                ConsumerGroup(
                    reads: redis.client, commands: redis.client, stream: keys.signIns, group: "progress", consumer: name
                )
            }
            _ = try await redis.client.pipeline(
                RedisPipeline((0..<count).map { ["XADD", keys.signIns, "*", "n", $0] }))
            let one = consumer("one")
            let batch = try await one.read(count: count, block: .milliseconds(1))
            try await body(one, consumer("two"), batch.ids)
        }
    }

    @Test("Renewing counts as moving and not as a delivery, for many entries at once")
    func renew() async throws {
        try await with(2_500) { one, two, ids in
            try await eventually("they have stood still") {
                try await two.stale(minIdle: .seconds(2), count: 5_000).entries.count == 2_500
            }
            #expect(try await one.renew(ids) == 2_500)
            #expect(try await two.stale(minIdle: .seconds(2), count: 5_000).entries.isEmpty)
            let all = try await two.stale(minIdle: .zero, count: 5_000).entries
            #expect(all.allSatisfy { $0.deliveries == 1 && $0.consumer == "one" })
            #expect(all.count == 2_500)
        }
    }

    @Test("What another one has taken over, or what is acknowledged, is left alone")
    func notMine() async throws {
        try await with(10) { one, two, ids in
            let taken = try await two.takeOver(Array(ids[0..<3]), minIdle: .zero)
            #expect(taken.deliveries.count == 3)
            _ = try await one.acknowledge([ids[9]])
            #expect(try await one.renew(ids) == 6)
            let all = try await one.stale(minIdle: .zero, count: 100).entries
            #expect(all.map(\.consumer) == Array(repeating: "two", count: 3) + Array(repeating: "one", count: 6))
            #expect(all.map(\.deliveries) == Array(repeating: 2, count: 3) + Array(repeating: 1, count: 6))
        }
    }

    @Test("Only what is held is renewed, not before it must be, and no longer than a batch may take")
    func due() async throws {
        try await with(4) { one, _, ids in
            let lease = Lease(one, reclaimIdle: .seconds(8), longest: .seconds(60))
            let start = ContinuousClock.now
            let first = lease.hold(Array(ids[0..<2]), at: start)
            let second = lease.hold(Array(ids[2..<4]), at: start + .seconds(30))
            #expect(lease.ids == Set(ids))
            #expect(lease.due(at: start + .seconds(1)) == [])
            #expect(lease.due(at: start + .seconds(2)) == Array(ids[0..<2]))
            #expect(Set(lease.due(at: start + .seconds(40))) == Set(ids))
            #expect(lease.due(at: start + .seconds(60)) == Array(ids[2..<4]), "a hung batch is left to others")
            lease.release(second)
            #expect(lease.due(at: start + .seconds(40)) == Array(ids[0..<2]))
            lease.release(first)
            #expect(lease.ids.isEmpty)
        }
    }

    @Test("While it is kept nobody can take anything over; a hung one loses it")
    func keep() async throws {
        try await with(50) { one, two, ids in
            let lease = Lease(one, reclaimIdle: .seconds(3), longest: .seconds(6))
            let began = ContinuousClock.now
            _ = lease.hold(ids, at: began)
            let keeper = Task { await lease.keep(OutageLog("Redis", logger: TestLog.logger)) }
            func stale() async throws -> Int { try await two.stale(minIdle: .seconds(3), count: 100).entries.count }
            // They were delivered before they were held, on a busy machine long before.
            try await eventually("it keeps them") { try await stale() == 0 }
            try await eventually("it has lost them") { try await stale() == 50 }
            #expect(.now - began >= .seconds(6))
            keeper.cancel()
            await keeper.value
        }
    }

    @Test("A trial is counted until its end is known")
    func trials() async throws {
        try await with(2) { one, two, ids in
            for count in 1...3 {
                #expect(try await two.takeOver([ids[0]], minIdle: .zero, isTrial: true).trials == count)
            }
            #expect(try await two.takeOver([ids[1]], minIdle: .zero, isTrial: true).trials == 1)
            try await one.endTrial(of: ids[0])
            #expect(try await one.takeOver([ids[0]], minIdle: .zero, isTrial: true).trials == 1)
            _ = try await one.acknowledge(ids)
            #expect(try await one.takeOver([ids[0]], minIdle: .zero, isTrial: true).trials == 0)
        }
    }
}
