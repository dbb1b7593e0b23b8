import Domain
import Foundation
import Postgres
import Redis
import Streams
import TestSupport
import Testing

extension Guarantees {
    /// What an operator does about dead letters, with a real worker behind.
    @Suite struct Letters {
        private func letters(_ stage: Stage) async throws -> [DeadLetter] {
            try await DeadLetters(stage.redis, keys: stage.keys).list(limit: 10_000)
        }

        /// Entries whose person is missing, and entries of a type that the database refuses.
        private func publishBad(_ count: Int, on stage: Stage) async throws {
            try await stage.database.execute(
                script: "ALTER TABLE processing.events ADD CONSTRAINT no_poison CHECK (event_type <> 'Poison')")
            let poison = try #require(EventType("Poison"))
            for _ in 0..<count {
                try await stage.publish([SignIns.event(type: poison)])
                let fields = SignInEntry.encode(SignIns.event()).filter { $0.name != "user_id" }
                var command = RedisCommand("XADD", [stage.keys.signIns, "*"])
                for field in fields {
                    command.append(field.name)
                    command.append(field.value)
                }
                _ = try await stage.redis.send(command)
            }
            try await eventually("all are buried") { try await letters(stage).count == 2 * count }
        }

        private func deadLetters(
            _ stage: Stage, _ arguments: [String], code: Int32 = 0, sourceLocation: SourceLocation = #_sourceLocation
        ) async throws -> [String] {
            let result = try await stage.run(.worker, ["dead-letters"] + arguments)
            #expect(result.code == code, "\(result.lines)", sourceLocation: sourceLocation)
            return result.lines
        }

        private func json(_ lines: [String]) throws -> [String: Any] {
            let value = try JSONSerialization.jsonObject(with: Data(lines.joined(separator: "\n").utf8))
            return try #require(value as? [String: Any])
        }

        @Test(.timeLimit(.minutes(3))) func aRetriedLetterIsAppliedOnceAndAnUnmendedOneComesBackOnce() async throws {
            try await Stage.with { stage in
                _ = try await stage.worker()
                try await publishBad(5, on: stage)
                let list = try await deadLetters(stage, ["list", "--limit", "3"])
                #expect(list.contains("3 of 10 dead letters."))
                #expect(list.contains("  5 × SQLSTATE 23514, no_poison") && list.contains("  5 × user_id is missing"))
                let before = try await letters(stage)
                // By id: mended it is applied, unmended it comes back as one letter with an id of its own.
                let poison = try #require(before.first { $0.error.contains("no_poison") })
                let strangers = before.filter { $0.error.contains("user_id") }
                let (stranger, other) = (try #require(strangers.first), try #require(strangers.last))
                var lines = try await deadLetters(
                    stage, ["retry", "\(poison.id)", "--set", "type=UserSignIn", "--json"])
                let done = try #require(try json(lines)["done"] as? [[String: Any]])
                #expect(done.count == 1 && done[0]["id"] as? String == "\(poison.id)")
                #expect((done[0]["entry_id"] as? String).flatMap { StreamID($0) } != nil)
                try await eventually("the mended one is recorded") { try await stage.recorded == 1 }
                _ = try await deadLetters(stage, ["retry", "\(stranger.id)"])
                try await eventually("the unmended one is back") {
                    let now = try await letters(stage)
                    return now.count == 9 && now.last?.textFields.first?.value == stranger.textFields.first?.value
                }
                // Unknown ids are named, and the others are done.
                lines = try await deadLetters(stage, ["drop", "1-1", "\(other.id)", "\(poison.id)"], code: 1)
                #expect(lines.contains("Dropped 1."))
                #expect(lines.contains { $0.hasPrefix("1-1: ") } && lines.contains { $0.hasPrefix("\(poison.id): ") })
                // By error, mended by a correction for all of them.
                lines = try await deadLetters(
                    stage, ["retry", "--error", "user_id", "--set", "user_id=\(Identifier.random())"])
                #expect(lines.contains("Retried 4."))
                try await eventually("those with a person are recorded") { try await stage.recorded == 5 }
                // All: the database is still as it was, so each comes back once.
                #expect(try await deadLetters(stage, ["retry", "--all"]).contains("Retried 4."))
                try await stage.settle(recording: 5)
                #expect(try await letters(stage).map(\.error) == Array(repeating: poison.error, count: 4))
                try await stage.database.execute(script: "ALTER TABLE processing.events DROP CONSTRAINT no_poison")
                #expect(try await deadLetters(stage, ["retry", "--all"]).contains("Retried 4."))
                try await stage.settle(recording: 9)
                #expect(try await stage.recorded == 9)
                #expect(try await letters(stage).isEmpty)
                #expect(try await deadLetters(stage, []).contains("No dead letters."))
                try await stage.verify()
                for arguments in [[], ["--all", "1-1"], ["--error", ""], ["--all", "--error", "x"], ["one"]] {
                    _ = try await deadLetters(stage, ["drop"] + arguments, code: 64)
                }
            }
        }

        @Test(.timeLimit(.minutes(3))) func twoOperatorsRetryALetterOnce() async throws {
            try await Stage.with { stage in
                let worker = try await stage.worker()
                try await publishBad(10, on: stage)
                try await worker.kill()
                let ids = try await letters(stage).map(\.id.description)
                let results = try await inParallel(2) { _ in
                    try await stage.run(.worker, ["dead-letters", "retry", "--json"] + ids)
                }
                // Each letter was retried by one of them; the other one was told.
                let outputs = try results.map { result in
                    let end = try #require(result.lines.firstIndex(of: "}"))
                    return try json(Array(result.lines[...end].filter { !$0.hasSuffix("dealt with it") }))
                }
                let done = try outputs.flatMap { try #require($0["done"] as? [[String: Any]]) }
                #expect(done.compactMap { $0["id"] as? String }.sorted() == ids.sorted())
                #expect(Set(done.compactMap { $0["entry_id"] as? String }).count == 20)
                #expect(try await stage.redis.send(["XLEN", stage.keys.signIns]).integer == 40)
                _ = try await stage.worker()
                try await eventually("each is back once") { try await letters(stage).count == 20 }
                try await eventually("nothing is under way") { try await stage.isSettled() }
                #expect(try await letters(stage).count == 20)
                #expect(Set(try await letters(stage).compactMap { $0.textFields.first?.value }).count == 20)
            }
        }

        /// As many as a bad release leaves behind in a minute.
        @Test(.timeLimit(.minutes(3))) func thousandsAreRetriedInSeconds() async throws {
            try await Stage.with { stage in
                let events = SignIns.crowd(250, each: 8)
                for event in events {
                    let fields =
                        SignInEntry.encode(event) + [
                            (name: "source", value: stage.keys.signIns), (name: "source_id", value: "1-0"),
                            (name: "error", value: "SQLSTATE 22000"), (name: "deliveries", value: "1"),
                            (name: "failed_at", value: event.occurredAt.description),
                        ]
                    var command = RedisCommand("XADD", [stage.keys.deadLetters, "*"])
                    for field in fields {
                        command.append(field.name)
                        command.append(field.value)
                    }
                    _ = try await stage.redis.send(command)
                }
                let start = ContinuousClock.now
                #expect(try await deadLetters(stage, ["retry", "--error", "SQLSTATE"]).contains("Retried 2000."))
                #expect(start.duration(to: .now) < .seconds(5))
                _ = try await stage.worker()
                try await stage.settle(recording: 2_000)
                #expect(try await letters(stage).isEmpty)
                #expect(try await stage.completions == 500)
                try await stage.verify()
            }
        }
    }
}
