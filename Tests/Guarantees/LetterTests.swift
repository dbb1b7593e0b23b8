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
            }
        }

        @Test(.timeLimit(.minutes(2))) func wrongOptionsAreRefusedWithTheUsageOfTheirCommand() async throws {
            try await Stage.with { stage in
                for command in ["show", "retry", "drop"] {
                    for arguments in [[], ["--all", "1-1"], ["--error", ""], ["--all", "--error", "x"], ["one"]] {
                        let lines = try await deadLetters(stage, [command] + arguments, code: 64)
                        #expect(lines.contains { $0.hasPrefix("Usage: questline-worker dead-letters \(command) ") })
                    }
                }
                let event = "event_id=\(Identifier.random())"
                for arguments in [
                    ["list", "--limit", "0"], ["list", "--limit", "-1"], ["list", "--error", ""],
                    ["retry", "1-1", "--set", "no sign"], ["retry", "1-1", "--set", "=value"],
                    ["retry", "--all", "--set", event], ["retry", "--error", "x", "--set", event],
                    ["retry", "1-1", "1-2", "--set", "type=A", "--set", event],
                ] {
                    let lines = try await deadLetters(stage, arguments, code: 64)
                    #expect(lines.contains { $0.hasPrefix("Usage: questline-worker dead-letters \(arguments[0]) ") })
                }
                // Of one letter it may be set, even of one that is named twice; there is none here.
                let lines = try await deadLetters(stage, ["retry", "1-1", "1-1", "--set", event], code: 1)
                #expect(lines.contains("Retried 0."))
                #expect(try await stage.run(.worker, ["losses", "list", "--limit", "0"]).code == 64)
            }
        }

        @Test(.timeLimit(.minutes(2))) func whatIsInALetterCannotForgeALineNorDriveTheTerminal() async throws {
            try await Stage.with { stage in
                let bad = "a\u{1B}[2Jb\u{7}c\u{0}d\nid: 1-1\r\u{85}\u{9B}e\u{2028}f\u{2029}g\u{202E}h\\u{1b}"
                let shown = #"a\u{1b}[2Jb\u{7}c\u{0}d\u{a}id: 1-1\u{d}\u{85}\u{9b}e\u{2028}f\u{2029}g\u{202e}h\\u{1b}"#
                _ = try await stage.redis.send(
                    RedisCommand(
                        "XADD",
                        [
                            stage.keys.deadLetters, "1-1", bad, bad, "source", bad, "source_id", bad, "error", bad,
                            "deliveries", "1", "failed_at", "then",
                        ]))
                #expect(
                    try await deadLetters(stage, ["list"]) == [
                        "1-1  \(shown)    \(shown)", "1 of 1 dead letters.", "  1 × \(shown)",
                    ])
                #expect(
                    try await deadLetters(stage, ["show", "1-1"]) == [
                        "id: 1-1", "error: \(shown)", "source: \(shown) \(shown)", "deliveries: 1",
                        "failed_at: unknown", "fields:", "  \(shown) = \(shown)",
                    ])
                let retried = try await deadLetters(stage, ["retry", "1-1"], code: 1)
                #expect(retried.contains("1-1: nobody here reads the stream it came from, \(shown)"))
                #expect(try await deadLetters(stage, ["drop", "1-1"]) == ["1-1  \(shown)  \(shown)", "Dropped 1."])
            }
        }

        @Test(.timeLimit(.minutes(2))) func aCommandThatRedisCutsShortSaysSo() async throws {
            try await Stage.with { stage in
                let complete = try await deadLetters(stage, ["retry", "--all", "--json"])
                #expect(try json(complete)["interrupted"] is NSNull)
                for command in ["retry", "drop"] {
                    let result = try await stage.run(
                        .worker, ["dead-letters", command, "--all", "--json"], ["REDIS_URL": "redis://127.0.0.1:1"])
                    #expect(result.code == 1)
                    let begin = try #require(result.lines.firstIndex(of: "{"), "\(result.lines)")
                    let end = try #require(result.lines.firstIndex(of: "}"), "\(result.lines)")
                    let told = try json(Array(result.lines[begin...end]))
                    #expect((told["done"] as? [Any])?.isEmpty == true && (told["failed"] as? [Any])?.isEmpty == true)
                    #expect((told["interrupted"] as? String)?.isEmpty == false, "\(told)")
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
