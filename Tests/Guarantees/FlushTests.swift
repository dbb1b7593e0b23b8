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

        @Test(.timeLimit(.minutes(3))) func whatWaitsInTheStreamIsNotPublishedAgain() async throws {
            try await Stage.withPrivateRedis(autoClaim: true) { stage, _ in
                // Nobody claims, so everything waits: the relay has had its patience several times over.
                _ = try await stage.worker(roles: "progress,relay")
                let keys = stage.keys
                _ = try await stage.redis.send([
                    "XGROUP", "CREATE", keys.completions, StreamKeys.claimsGroup, "0", "MKSTREAM",
                ])
                let events = SignIns.crowd(50, each: 8)
                try await stage.publish(events)
                try await eventually("all completions are published") {
                    try await stage.redis.send(["XLEN", keys.completions]).integer == 100
                }
                let age: SQL =
                    "SELECT (extract(epoch FROM now() - max(published_at)) * 1000)::bigint FROM processing.outbox"
                try await eventually("they have waited for more than the patience") {
                    try await stage.number(age) > 8_000
                }
                #expect(try await stage.redis.send(["XLEN", keys.completions]).integer == 100)
                _ = try await stage.worker(roles: "claims")
                try await eventually("everything settled") { try await stage.isSettled() }
                #expect(try await stage.claims == 100)
                try await stage.verify()
            }
        }
    }
}
