import Domain
import Postgres
import Redis
import Streams
import TestSupport
import Testing

extension Guarantees {
    /// A Redis that forgets everything.
    @Suite struct Flushes {
        @Test(.timeLimit(.minutes(3))) func aFlushBetweenPublishAndClaimCostsNoReward() async throws {
            try await Stage.withPrivateRedis(autoClaim: true) { stage, _ in
                let worker = try await stage.worker(roles: "progress")
                let events = SignIns.crowd(50, each: 8)
                try await stage.publish(events)
                try await eventually("all are recorded") { try await stage.recorded == events.count }
                try await eventually("all completions are published") {
                    try await stage.redis.send(["XLEN", stage.keys.completions]).integer == 100
                }
                _ = try await stage.redis.send(["FLUSHALL"])
                #expect(try await stage.claims == 0)
                _ = try await stage.worker(roles: "claims,relay,janitor")
                try await eventually("every completion has its claim") { try await stage.claims == 100 }
                try await eventually("everything settled") { try await stage.isSettled() }
                #expect(try await stage.claims == 100)
                #expect(try await stage.number("SELECT sum(diamond)::bigint FROM auth.users") == 1_000)
                // The lost group is made again, without a word for each try.
                let later = SignIns.crowd(5, each: 8)
                try await stage.publish(later)
                try await stage.settle(recording: events.count + later.count)
                #expect(try await stage.claims == 110)
                #expect(worker.lines.count < 20, "\(worker.lines)")
                try await stage.verify()
            }
        }
    }
}
