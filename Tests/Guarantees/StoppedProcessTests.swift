import Domain
import Postgres
import Redis
import Storage
import Streams
import TestSupport
import Testing

/// A process that SIGSTOP has stopped, with a transaction open: the kernel keeps its connections, so that no server
/// notices.
@Suite("Stopped processes")
struct StoppedProcessTests {
    /// What `Stage` sets for reclaiming, and 5 s.
    private let patience = Duration.seconds(2 + 5)

    @Test(
        "A relay stopped between the round trips of its transaction holds nobody up and doubles nothing",
        .timeLimit(.minutes(2)))
    func relay() async throws {
        try await Stage.with { stage in
            try await FaultyProxy.with(.redis, to: stage.settings["REDIS_URL"] ?? "") { proxy in
                let events = SignIns.crowd(10, each: 8)
                _ = try await SignInOutbox(stage.database).add(events)
                // They are in the stream; their rows are still there, and locked.
                proxy.script { $0.text == "EXEC" ? .holdAnswer : .none }
                let stopped = try await stage.worker(roles: "relay", ["REDIS_URL": proxy.url])
                try await eventually("it holds its rows") { proxy.held > 0 }
                try await stopped.freeze()
                proxy.script { _ in .none }
                proxy.release()
                _ = try await stage.worker()
                #expect(try await stage.longestStall(recording: events.count) < patience)
                #expect(try await stage.timeToSettle() < patience)
                let published = try #require(try await stage.redis.send(["XLEN", stage.keys.signIns]).integer)
                #expect(published >= 160, "once by each of the two, or oftener")
                try await stopped.thaw()
                _ = try await SignInOutbox(stage.database).add([SignIns.event()])
                try await stage.settle(recording: events.count + 1)
                #expect(try await stage.recorded == 81)
                #expect(try await stage.claims == 20)
                #expect(stopped.isRunning)
                try await stage.verify()
            }
        }
    }

    @Test(
        "A worker stopped in the middle of a batch, with its rows locked, holds nobody up and doubles nothing",
        .timeLimit(.minutes(2)))
    func batch() async throws {
        try await Stage.with { stage in
            try await FaultyProxy.with(.postgres, to: stage.settings["DATABASE_URL"] ?? "") { proxy in
                // The server has done all of the batch but to commit it.
                proxy.script { request in
                    let isBatch = request.roundTrip.contains { $0.contains("INSERT INTO processing.events") }
                    return request.commits && isBatch ? .holdRequest : .none
                }
                let stopped = try await stage.worker(["DATABASE_URL": proxy.url, "QUESTLINE_BATCH": "50"])
                let events = SignIns.crowd(50, each: 8)
                try await stage.publish(events)
                try await eventually("its rows are locked") { proxy.held > 0 }
                try await stopped.freeze()
                let other = try await stage.worker(["QUESTLINE_BATCH": "50"])
                #expect(try await stage.longestStall(recording: events.count) < patience)
                try await other.line(containing: "took over entries")
                proxy.script { _ in .none }
                proxy.release()
                try await stopped.thaw()
                try await stage.settle(recording: events.count)
                let later = SignIns.event()
                try await stage.publish([later])
                try await stage.settle(recording: events.count + 1)
                #expect(try await stage.recorded == events.count + 1)
                #expect(try await stage.claims == 100)
                #expect(stopped.isRunning)
                try await stage.verify()
            }
        }
    }
}

extension Stage {
    /// The longest time in which no event was recorded, until `count` are.
    func longestStall(recording count: Int) async throws -> Duration {
        var (longest, last) = (Duration.zero, 0)
        var clock = FairClock()
        try await eventually("\(count) events recorded", within: .seconds(60)) {
            let recorded = try await recorded
            clock.look()
            longest = max(longest, clock.elapsed)
            if recorded > last {
                last = recorded
                clock = FairClock()
            }
            return recorded >= count
        }
        return longest
    }

    /// How long it takes until nothing is under way.
    func timeToSettle() async throws -> Duration {
        var clock = FairClock()
        try await eventually("everything settled", within: .seconds(60)) {
            let isSettled = try await isSettled()
            clock.look()
            return isSettled
        }
        return clock.elapsed
    }
}

/// The time between looks. One that comes late, because the machine was busy, counts as one that did not: who is looked
/// at was as busy, and nobody has held him up.
private struct FairClock {
    private static let longestPause = Duration.milliseconds(250)

    private(set) var elapsed = Duration.zero
    private var last = ContinuousClock.now

    mutating func look() {
        elapsed += min(.now - last, FairClock.longestPause)
        last = .now
    }
}
