import Domain
import Postgres
import Redis
import Storage
import Streams
import TestSupport
import Testing

extension Guarantees {
    /// Input that cannot be right, and settings that cannot be meant.
    @Suite struct BadInput {
        @Test(.timeLimit(.minutes(2))) func eachMalformedEntryBecomesOneDeadLetter() async throws {
            try await Stage.with { stage in
                let good = SignIns.crowd(5, each: 8)
                let bad = Malformed.entries()
                // In between, so that every batch has some.
                for (index, event) in good.enumerated() {
                    try await stage.publish([event])
                    if index < bad.count { _ = try await stage.redis.send(bad[index].command(stage.keys.signIns)) }
                }
                _ = try await stage.worker(["QUESTLINE_BATCH": "7"])
                try await stage.settle(recording: good.count)
                let letters = DeadLetters(stage.redis, keys: stage.keys)
                try await eventually("all bad ones are buried") { try await letters.count() >= bad.count }
                try await stage.settle(recording: good.count)
                let found = try await letters.list(limit: 100)
                #expect(found.count == bad.count, "\(found.map(\.error))")
                for (letter, entry) in zip(found.sorted { $0.sourceID < $1.sourceID }, bad) {
                    #expect(letter.error.contains(entry.field), "\(letter.error) for \(entry.field)")
                    #expect(letter.source == stage.keys.signIns)
                    #expect(letter.rawFields.map(\.name) == entry.fields.map { Array($0.0.utf8) })
                    #expect(letter.rawFields.map(\.value) == entry.fields.map(\.1), "every byte is kept")
                }
                #expect(try await stage.recorded == good.count)
                #expect(try await stage.claims == 10)
                try await stage.verify()
            }
        }

        @Test(.timeLimit(.minutes(2))) func theSameIdWithOtherContentIsNotDropped() async throws {
            try await Stage.with { stage in
                let first = SignIns.event()
                let otherPerson = SignIns.event(first.id)
                let otherType = SignIns.event(first.id, of: first.userID, type: .firstSignIn)
                let laterTime = SignInEvent(
                    id: first.id, type: first.type, userID: first.userID,
                    occurredAt: first.occurredAt.advanced(bySeconds: 60))
                // In one batch, then in a later one.
                try await stage.publish([first, otherPerson, first, laterTime])
                _ = try await stage.worker()
                let letters = DeadLetters(stage.redis, keys: stage.keys)
                try await eventually("the conflict is buried") { try await letters.count() == 1 }
                try await stage.publish([otherType, laterTime])
                try await eventually("the second one too") { try await letters.count() == 2 }
                try await stage.settle(recording: 1)
                let found = try await letters.list(limit: 10)
                #expect(found.map(\.error) == ["event-id-conflict", "event-id-conflict"])
                #expect(found.first?.textFields.contains { $0 == ("user_id", otherPerson.userID.description) } == true)
                #expect(try await stage.recorded == 1)
                #expect(try await stage.progress(of: first.userID) == Progress(streak: 1, duplication: 0))
                #expect(try await stage.progress(of: otherPerson.userID) == nil)
                try await stage.verify()
            }
        }

        /// One entry that the database refuses, in a batch of healthy ones.
        @Test(.timeLimit(.minutes(2))) func onlyTheEntryThatTheDatabaseRefusesIsBuried() async throws {
            try await Stage.with { stage in
                let poison = try #require(EventType("Poison"))
                try await stage.database.execute(
                    script: "ALTER TABLE processing.events ADD CONSTRAINT no_poison CHECK (event_type <> 'Poison')")
                var events = SignIns.crowd(25, each: 8)
                for place in [0, 77, 78, 190] { events.insert(SignIns.event(type: poison), at: place) }
                try await stage.publish(events)
                _ = try await stage.worker()
                try await stage.settle(recording: 200)
                let letters = try await DeadLetters(stage.redis, keys: stage.keys).list(limit: 100)
                #expect(letters.map(\.error) == Array(repeating: "SQLSTATE 23514, no_poison", count: 4))
                #expect(letters.allSatisfy { $0.textFields.contains { $0 == ("type", "Poison") } })
                #expect(try await stage.recorded == 200)
                #expect(try await stage.claims == 50)
                // Mended, they are recorded.
                try await stage.database.execute(script: "ALTER TABLE processing.events DROP CONSTRAINT no_poison")
                let retry = try await stage.run(
                    .worker, ["dead-letters", "retry", "--all", "--set", "type=UserSignIn"])
                #expect(retry.code == 0, "\(retry.lines)")
                try await stage.settle(recording: 204)
                #expect(try await DeadLetters(stage.redis, keys: stage.keys).count() == 0)
                try await stage.verify()
            }
        }

        @Test(.timeLimit(.minutes(2))) func anUnknownTypeIsRecordedAndCountsForNothing() async throws {
            try await Stage.with { stage in
                _ = try await stage.worker()
                let person = Identifier.random()
                let type = try #require(EventType("LevelUp"))
                try await stage.publish((0..<9).map { _ in SignIns.event(of: person, type: type) })
                try await stage.settle(recording: 9)
                #expect(try await stage.progress(of: person) == nil)
                #expect(try await stage.completions == 0)
                #expect(try await DeadLetters(stage.redis, keys: stage.keys).count() == 0)
                try await stage.verify()
            }
        }

        @Test(
            .timeLimit(.minutes(1)),
            arguments: [
                (Executable.worker, "QUESTLINE_BATCH", "many"), (.worker, "QUESTLINE_RECLAIM_SECONDS", "0"),
                (.worker, "DATABASE_URL", "postgres://%%%"), (.worker, "REDIS_URL", "http://127.0.0.1"),
                (.front, "QUESTLINE_PORT", "five"), (.front, "QUESTLINE_POOL", "-1"),
            ])
        func aWrongSettingIsNamed(executable: Executable, name: String, value: String) async throws {
            try await Stage.with { stage in
                let (code, lines) = try await stage.run(executable, executable == .worker ? ["run"] : [], [name: value])
                #expect(code == 64)
                #expect(lines.contains { $0.contains(name) }, "\(lines)")
                #expect(lines.count == 1, "only what is wrong: \(lines)")
            }
        }

        @Test(.timeLimit(.minutes(3))) func withoutPostgresAtTheStartBothWaitAndSaySoOnce() async throws {
            try await Stage.withPrivatePostgres { stage, postgres in
                let worker = try stage.start(.worker, ["run"])
                let front = try stage.start(.front)
                for process in [worker, front] { try await process.line(containing: "Postgres is away") }
                let event = SignIns.event()
                try await stage.publish([event])
                try await postgres.start()
                for process in [worker, front] {
                    try await process.line(containing: "Postgres is back")
                    try await process.line(containing: "waiting for")
                }
                try await stage.migrate()
                try await front.line(containing: "listening")
                try await stage.settle(recording: 1)
                #expect(try await stage.isRecorded(event.id))
                for process in [worker, front] {
                    #expect(process.isRunning)
                    #expect(process.lines(containing: "Postgres is away").count == 1)
                    #expect(process.lines(containing: "waiting for").count == 1)
                }
                try await stage.verify()
            }
        }
    }
}

/// Entries that nobody here writes.
private struct Malformed {
    /// The field that is wrong.
    let field: String
    let fields: [(String, [UInt8])]

    func command(_ stream: String) -> RedisCommand {
        var command = RedisCommand("XADD", [stream, "*"])
        for (name, value) in fields {
            command.append(name)
            command.append(bytes: value)
        }
        return command
    }

    static func entries() -> [Malformed] {
        [
            with("user_id", nil), with("event_id", nil), with("occurred_at", nil),
            with("event_id", "not-a-uuid"), with("user_id", "00000000-0000-0000-0000-00000000000g"),
            with("event_id", Identifier.random().marked(version: 8).description),
            with("occurred_at", "99999-01-01T00:00:00Z"), with("occurred_at", "yesterday"),
            with("type", "QuestCompleted"), with("type", "no such type!"), with("type", [0x55, 0xff, 0xfe, 0xc0]),
            with("type", [0x55, 0x00, 0x55]), with("user_id", [UInt8](repeating: 0x80, count: 36)),
            Malformed(field: "event_id", fields: [("hello", Array("world".utf8))]),
            Malformed(field: "user_id", fields: sound + [("user_id", Array(Identifier.random().description.utf8))]),
        ]
    }

    private static var sound: [(String, [UInt8])] {
        SignInEntry.encode(SignIns.event()).map { ($0.name, Array($0.value.utf8)) }
    }

    private static func with(_ field: String, _ text: String) -> Malformed {
        with(field, Array(text.utf8))
    }

    /// A sound entry but for one field, which is left out if there is no value.
    private static func with(_ field: String, _ value: [UInt8]?) -> Malformed {
        Malformed(
            field: field,
            fields: sound.compactMap { name, sound in
                name == field ? value.map { (name, $0) } : (name, sound)
            })
    }
}
