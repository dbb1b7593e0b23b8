import Domain
import Postgres
import Redis
import TestSupport
import Testing

extension Guarantees {
    /// What services of this kind are seen to do wrong: backlogs, replicas, crashes.
    @Suite struct Faults {
        @Test(.timeLimit(.minutes(3))) func fault1ABacklogOfFiveThousandDrains() async throws {
            try await Stage.with { stage in
                let events = SignIns.crowd(625, each: 8)
                try await stage.publish(events)
                let worker = try await stage.worker()
                try await stage.settle(recording: events.count)
                #expect(try await stage.recorded == events.count)
                #expect(try await stage.claims == 1_250)
                // And it goes on afterwards.
                let later = SignIns.event()
                try await stage.publish([later])
                try await eventually("one more is recorded") { try await stage.isRecorded(later.id) }
                #expect(worker.isRunning)
                try await stage.verify()
            }
        }

        @Test(.timeLimit(.minutes(3))) func fault2SixteenClientsSignInAtOnceAndAllAreAnswered() async throws {
            try await Stage.with { stage in
                // As expensive as in earnest.
                let front = try await stage.front(["QUESTLINE_HASH_MEMORY_KIB": "19456", "QUESTLINE_HASH_PASSES": "2"])
                _ = try await stage.worker()
                _ = try await front.signUp("busy")
                let stop = Flag()
                async let slowest = front.slowestPulse(until: stop)
                let events = try await inParallel(16) { _ in
                    var events: [Identifier] = []
                    for _ in 0..<3 {
                        let answer = try await front.signIn("busy")
                        #expect(answer.status == 200)
                        events += [answer.event].compactMap(\.self)
                    }
                    return events
                }.flatMap(\.self)
                stop.raise()
                #expect(try await slowest < .seconds(2), "/livez is answered all the while")
                #expect(Set(events).count == 48)
                try await stage.settle(recording: 48)
                #expect(try await stage.missing(events) == [])
                try await stage.verify()
            }
        }

        @Test(.timeLimit(.minutes(3))) func fault3TwoReplicasLoseNoProgress() async throws {
            try await Stage.with(seeded: false) { stage in
                try await stage.migrate(["QUESTLINE_QUEST_DUPLICATION": "100"])
                _ = try await stage.workers(2, ["QUESTLINE_BATCH": "20"])
                let person = Identifier.random()
                let one = (0..<300).map { _ in SignIns.event(of: person) }
                let others = (0..<50).flatMap { _ in SignIns.person(6) }
                try await stage.publish((one + others).shuffled(), producers: 16)
                try await stage.settle(recording: 600)
                #expect(try await stage.progress(of: person) == Progress(streak: 0, duplication: 100))
                #expect(try await stage.completions == 200)
                #expect(try await stage.claims == 200)
                try await stage.verify()
            }
        }

        @Test(.timeLimit(.minutes(3))) func fault4FourFirstSignInsAtOnceMakeOnePersonNewOnce() async throws {
            try await Stage.with { stage in
                let front = try await stage.front()
                _ = try await stage.worker()
                for number in 0..<10 {
                    let person = try await front.signUp("twin-\(number)")
                    let answers = try await inParallel(4) { _ in try await front.signIn("twin-\(number)") }
                    #expect(answers.map(\.status) == [200, 200, 200, 200])
                    let events = answers.compactMap(\.event)
                    #expect(Set(events).count == 4)
                    try await eventually("all are recorded") { try await stage.missing(events).isEmpty }
                    let types = try await stage.database.query(
                        """
                        SELECT event_type FROM processing.events
                        WHERE user_id = \(person) AND event_type <> 'QuestCompleted' ORDER BY event_type
                        """, operation: "observe"
                    ).map { try $0.decode(0, as: String.self) }
                    #expect(types == ["NewUserSignIn", "UserSignIn", "UserSignIn", "UserSignIn"])
                    #expect(try await stage.progress(of: person) == Progress(streak: 1, duplication: 1))
                }
                try await stage.settle(recording: 40)
                #expect(try await stage.number("SELECT count(*) FROM processing.user_quest_rewards") == 10)
                try await stage.verify()
            }
        }

        @Test(.timeLimit(.minutes(3))) func fault5AKilledWorkerAndCutRedisConnectionsCountNothingTwice() async throws {
            try await Stage.withPrivateRedis { stage, _ in
                let events = SignIns.crowd(1_000, each: 8)
                try await stage.publish(events)
                let first = try await stage.worker(["QUESTLINE_BATCH": "100"])
                try await eventually("it is at work", every: .milliseconds(5)) { try await stage.recorded > 500 }
                try await first.kill()
                #expect(try await stage.recorded < events.count, "the worker was to die in the middle")
                let second = try await stage.worker(["QUESTLINE_BATCH": "100"])
                for share in 1...5 {
                    try await eventually("share \(share) is recorded", every: .milliseconds(5)) {
                        try await stage.recorded >= 500 + share * 1_000
                    }
                    _ = try await stage.redis.send(["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"])
                }
                try await stage.settle(recording: events.count)
                #expect(try await stage.recorded == events.count)
                #expect(try await stage.claims == 2_000)
                // Consumption goes on for good.
                _ = try await stage.redis.send(["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"])
                let later = SignIns.event()
                try await stage.publish([later])
                try await eventually("one more is recorded") { try await stage.isRecorded(later.id) }
                #expect(second.isRunning)
                try await stage.verify()
            }
        }
    }
}
