import Domain
import Postgres
import Redis
import Storage
import Streams
import TestSupport
import Testing

extension Guarantees {
    /// `replay --apply` beside workers that count the same people's events.
    @Suite struct Replays {
        private func corrupt(_ stage: Stage, _ script: String) async throws {
            try await stage.database.execute(
                script: "SET session_replication_role = replica; \(script); SET session_replication_role = origin")
        }

        @Test(.timeLimit(.minutes(5))) func mendsWhileWorkersCount() async throws {
            try await Stage.with { stage in
                _ = try await stage.database.query(
                    "UPDATE catalog.quests SET duplication = 1000", operation: "raise the limit")
                let people = (0..<200).map { _ in Identifier.random() }
                let workers = try await stage.workers(2, ["QUESTLINE_BATCH": "100"])
                let first = people.flatMap { SignIns.person(8, id: $0) }.shuffled()
                try await stage.publish(first)
                try await stage.settle(recording: first.count)
                // Streaks that count on too low, and completions that are gone with all that was made of them.
                try await corrupt(
                    stage,
                    """
                    UPDATE processing.user_quest_rewards SET streak = 0, last_start = 9 WHERE streak > 0;
                    CREATE TEMPORARY TABLE lost AS SELECT claim_id FROM auth.reward_claims ORDER BY random() LIMIT 150;
                    DELETE FROM auth.reward_claims WHERE claim_id IN (SELECT claim_id FROM lost);
                    DELETE FROM processing.events WHERE id IN (SELECT claim_id FROM lost)
                    """)
                #expect(try await stage.run(.worker, ["verify"]).code == 1)
                let shown = try await stage.run(.worker, ["replay"])
                #expect(shown.code == 1)
                #expect(shown.lines.contains { $0.contains("progress.streak 0 → 2") })
                #expect(shown.lines.contains { $0.contains("completion 1 none → a row") })
                let later = people.flatMap { SignIns.person(7, id: $0) }.shuffled()
                async let live: Void = stage.publish(later, producers: 2)
                let codes = [
                    try await stage.run(.worker, ["replay", "--apply"]),
                    try await stage.run(.worker, ["replay", "--apply"]),
                ].map(\.code)
                try await live
                try await stage.settle(recording: first.count + later.count)
                #expect(codes == [0, 0])
                let last = try await stage.run(.worker, ["replay", "--apply"])
                #expect(last.code == 0, "\(last.lines.suffix(5))")
                try await stage.settle(recording: first.count + later.count)
                #expect(try await stage.claims == people.count * 5)
                #expect(try await stage.redis.send(["XLEN", stage.keys.deadLetters]).integer == 0)
                #expect(workers.allSatisfy { $0.isRunning })
                let (code, lines) = try await stage.run(.worker, ["verify", "--wait"])
                #expect(code == 0, "\(lines.suffix(5))")
            }
        }

        @Test(.timeLimit(.minutes(3))) func mendsTheRestBeforeWorkersGoOn() async throws {
            try await Stage.with { stage in
                let worker = try await stage.worker()
                let people = (0..<100).map { _ in Identifier.random() }
                let first = people.flatMap { SignIns.person(5, id: $0) }.shuffled()
                try await stage.publish(first)
                try await stage.settle(recording: first.count)
                try await worker.kill()
                try await corrupt(
                    stage,
                    """
                    DELETE FROM processing.user_quest_rewards WHERE random() < 0.3;
                    UPDATE processing.user_quest_rewards SET duplication = 0 WHERE random() < 0.5;
                    UPDATE processing.user_quest_rewards SET duplication = 2, status = 1 WHERE duplication = 1
                    """)
                let applied = try await stage.run(.worker, ["replay", "--apply"])
                #expect(applied.code == 0, "\(applied.lines.suffix(5))")
                #expect(try await stage.run(.worker, ["replay"]).lines == ["100 people: no difference"])
                _ = try await stage.worker()
                let later = people.flatMap { SignIns.person(3, id: $0) }.shuffled()
                try await stage.publish(later)
                try await stage.settle(recording: first.count + later.count)
                #expect(try await stage.claims == 200)
                try await stage.verify()
                #expect(try await stage.run(.worker, ["replay", "--person", "somebody"]).code == 64)
            }
        }
    }
}
