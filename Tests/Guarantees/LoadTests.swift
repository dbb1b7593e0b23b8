import Domain
import Postgres
import Storage
import TestSupport
import Testing

extension Guarantees {
    /// Many people, many producers, several workers.
    @Suite struct Load {
        @Test(.timeLimit(.minutes(4))) func everyoneGetsTwoRewardsWhateverTheOrder() async throws {
            try await Stage.with { stage in
                let workers = try await stage.workers(3, ["QUESTLINE_BATCH": "100"])
                let events = SignIns.crowd(200, each: 8)
                try await stage.publish((events + events).shuffled(), producers: 16)
                try await stage.settle(recording: events.count)
                #expect(try await stage.recorded == events.count)
                for table in [
                    "SELECT user_id FROM processing.events WHERE event_type = 'QuestCompleted'",
                    "SELECT user_id FROM auth.reward_claims",
                ] {
                    let people = try await stage.number(
                        """
                        SELECT count(*) FROM (SELECT user_id FROM (\(unsafe: table)) AS rows
                        GROUP BY user_id HAVING count(*) = 2) AS people
                        """)
                    #expect(people == 200)
                }
                #expect(try await stage.completions == 400)
                #expect(try await stage.claims == 400)
                try await stage.verify()
                for worker in workers { #expect(worker.isRunning) }
            }
        }

        /// Every person has rows in the batches of all workers at once.
        @Test(.timeLimit(.minutes(5))) func workersOnTheSamePeopleDoNotDeadlock() async throws {
            try await Stage.with(seeded: false) { stage in
                // A limit that nobody reaches: every event changes a progress row.
                try await stage.migrate([
                    "QUESTLINE_QUEST_DUPLICATION": "1000000", "QUESTLINE_QUEST_AUTO_CLAIM": "true",
                ])
                _ = try await stage.workers(8, ["QUESTLINE_BATCH": "60", "QUESTLINE_POOL": "4"])
                let people = (0..<50).map { _ in Identifier.random() }
                let end = ContinuousClock.now + (Guarantees.isLong ? .seconds(60) : .seconds(10))
                var published = 0
                while ContinuousClock.now < end {
                    let events = (0..<600).map { _ in SignIns.event(of: people.randomElement() ?? people[0]) }
                    try await stage.publish((events + events.prefix(100)).shuffled())
                    published += events.count
                    // Never much more than the workers take, or draining would be the test.
                    let goal = published - 2_000
                    try await eventually("the workers keep up") { try await stage.recorded >= goal }
                }
                try await stage.settle(recording: published)
                #expect(try await stage.recorded == published)
                try await stage.verify()
                #expect(stage.log.filter { $0.contains("deadlock") } == [])
                // The server counts those that a worker was spared by trying again, too.
                let deadlocks = try await stage.number(
                    "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
                #expect(deadlocks == 0)
            }
        }
    }
}
