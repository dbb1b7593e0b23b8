import Domain
import Postgres
import Redis
import TestSupport
import Testing

extension Guarantees {
    /// Servers that go away under load.
    @Suite struct Outages {
        @Test(.timeLimit(.minutes(4))) func fault6ARedisRestartLosesNothing() async throws {
            try await Stage.withPrivateRedis { stage, redis in
                let front = try await stage.front()
                let worker = try await stage.worker(["QUESTLINE_BATCH": "20"])
                try await inParallel(4) { _ = try await front.signUp("player-\($0)") }
                let accepted = Ledger()
                async let clients: Void = front.signInManyTimes(clients: 4, each: 60, into: accepted)
                try await accepted.reach(40)
                redis.kill()
                // A hundred more are accepted while it is away.
                try await accepted.reach(140)
                try await redis.start()
                try await clients
                #expect(accepted.events.count == 240)
                try await stage.settle(recording: 240)
                #expect(try await stage.missing(accepted.events) == [])
                #expect(try await stage.recorded == 240)
                #expect(worker.lines(containing: "Redis is away").count <= 2, "an outage is told once")
                #expect(worker.lines(containing: "Redis is back").count >= 1)
                try await stage.verify()
            }
        }

        @Test(.timeLimit(.minutes(3)), arguments: ["stream", "outbox"])
        func fault7WithRedisDownASignInIsAnswered(accept: String) async throws {
            try await Stage.withPrivateRedis { stage, redis in
                try await stage.migrate()
                let front = try await stage.front(["QUESTLINE_ACCEPT": accept])
                _ = try await stage.worker()
                _ = try await front.signUp("patient")
                redis.kill()
                let events = try await front.signInAndIngest("patient", times: 5)
                try await redis.start()
                try await stage.settle(recording: 10)
                #expect(try await stage.missing(events) == [])
                try await stage.verify()
            }
        }

        /// It accepts connections and never answers: worse than being away.
        @Test(.timeLimit(.minutes(3))) func fault7WithRedisFrozenASignInIsAnswered() async throws {
            try await Stage.withPrivateRedis { stage, redis in
                try await stage.migrate()
                let front = try await stage.front()
                let worker = try await stage.worker()
                _ = try await front.signUp("patient")
                redis.freeze()
                let events = try await front.signInAndIngest("patient", times: 3)
                try await worker.line(containing: "Redis is away")
                redis.thaw()
                try await stage.settle(recording: 6)
                #expect(try await stage.missing(events) == [])
                try await stage.verify()
            }
        }

        @Test(.timeLimit(.minutes(3))) func fault7WithoutACatalogEventsWaitAndAreCountedLater() async throws {
            try await Stage.with(seeded: false) { stage in
                let worker = try await stage.worker()
                let events = SignIns.crowd(20, each: 8)
                try await stage.publish(events)
                try await worker.line(containing: "no catalog")
                #expect(try await stage.recorded == 0, "an event that no quest could count is not stored as counted")
                try await stage.migrate()
                try await stage.settle(recording: events.count)
                #expect(try await stage.completions == 40)
                #expect(try await stage.claims == 40)
                #expect(worker.lines(containing: "no catalog").count == 1, "it is told once")
                try await stage.verify()
            }
        }

        @Test(.timeLimit(.minutes(4))) func fault8CutDatabaseConnectionsLoseNothing() async throws {
            try await Stage.with { stage in
                try await stage.migrate()
                let front = try await stage.front()
                _ = try await stage.workers(2, ["QUESTLINE_BATCH": "20"])
                try await inParallel(4) { _ = try await front.signUp("player-\($0)") }
                let accepted = Ledger()
                async let people: Void = front.signInManyTimes(clients: 4, each: 50, into: accepted)
                async let systems: Void = front.ingestManyTimes(clients: 4, each: 100, into: accepted)
                for round in 1...10 {
                    try await accepted.reach(round * 40)
                    try await stage.cutDatabaseConnections()
                }
                try await people
                try await systems
                #expect(accepted.events.count == 600)
                try await stage.settle(recording: 600)
                #expect(try await stage.missing(accepted.events) == [])
                try await stage.verify()
            }
        }

        @Test(.timeLimit(.minutes(4))) func fault8AKilledDatabaseLosesNothing() async throws {
            try await Stage.withPrivatePostgres { stage, postgres in
                try await postgres.start()
                try await stage.migrate()
                let worker = try await stage.worker(["QUESTLINE_BATCH": "100"])
                let events = SignIns.crowd(750, each: 8)
                try await stage.publish(events)
                for share in 1...2 {
                    try await eventually("share \(share) is recorded", every: .milliseconds(5)) {
                        try await stage.recorded >= share * 1_000
                    }
                    try await postgres.kill()
                    try await worker.line(containing: "Postgres is away")
                    try await postgres.start()
                }
                try await stage.settle(recording: events.count)
                #expect(try await stage.recorded == events.count)
                #expect(try await stage.claims == 1_500)
                #expect(worker.isRunning)
                try await stage.verify()
            }
        }

        /// Passwords cannot be checked without it, but what other systems send is still taken.
        @Test(.timeLimit(.minutes(3))) func fault8WithTheDatabaseAwayIngestIsAccepted() async throws {
            try await Stage.withPrivatePostgres { stage, postgres in
                try await postgres.start()
                try await stage.migrate()
                let front = try await stage.front()
                _ = try await stage.worker()
                _ = try await front.signUp("patient")
                var events = try await front.signInAndIngest("patient", times: 1)
                try await postgres.kill()
                #expect(try await front.signIn("patient").status == 503)
                for _ in 0..<20 {
                    let id = Identifier.timeOrdered(at: .now)
                    #expect(try await front.ingest(id, of: .random()).status == 202)
                    events.append(id)
                }
                try await postgres.start()
                try await stage.settle(recording: events.count)
                #expect(try await stage.missing(events) == [])
                try await eventually("signing in works again") { try await front.signIn("patient").status == 200 }
                try await stage.settle(recording: events.count + 1)
                try await stage.verify()
            }
        }
    }
}
