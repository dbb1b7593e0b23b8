import Domain
import Redis
import Streams
import TestSupport
import Testing

@Suite struct DeadLettersTests {
    private let time = Timestamp(milliseconds: 1_764_000_000_125)

    private func add(_ fields: [[UInt8]], to sample: Sample) async throws -> StreamEntry {
        _ = try await sample.redis.client.send(RedisCommand("XADD", [sample.keys.signIns, "*"], fields))
        return try #require(try await sample.consumer().read(count: 1, block: .milliseconds(1)).first)
    }

    private func letter(_ id: StreamID?, _ sample: Sample) async throws -> DeadLetter {
        let id = try #require(id)
        return try #require(try await sample.letters.get(id))
    }

    private func field(_ text: String) -> [UInt8] { Array(text.utf8) }

    @Test func buriesEveryByteAndAcknowledges() async throws {
        try await Sample.with { sample in
            let fields: [[UInt8]] = [
                [0xff, 0, 0x0a], [0xc3, 0x28], field("error"), field("own"), field(""), field(""),
            ]
            let entry = try await add(fields, to: sample)
            let id = try await sample.letters.bury(
                entry, from: sample.consumer(), error: "event_id is missing", deliveries: 3, at: time)
            let letter = try await self.letter(id, sample)
            #expect(letter.rawFields.flatMap { [$0.name, $0.value] } == fields)
            #expect(letter.source == sample.keys.signIns)
            #expect(letter.sourceID == entry.id.description)
            #expect(letter.error == "event_id is missing")
            #expect(letter.deliveries == 3)
            #expect(letter.failedAt == time)
            let pending = try await sample.redis.client.send(["XPENDING", sample.keys.signIns, "progress"])
            #expect(pending[0]?.integer == 0)
        }
    }

    @Test func buriesOnceHoweverManyTry() async throws {
        try await Sample.with { sample in
            let entry = try await add([field("a"), field("b")], to: sample)
            let ids = try await withThrowingTaskGroup(of: StreamID?.self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        try await sample.letters.bury(
                            entry, from: sample.consumer(), error: "x", deliveries: 1, at: time)
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(ids.compactMap { $0 }.count == 1)
            #expect(try await sample.letters.count() == 1)
            // Nothing to bury where there is no group.
            let stranger = sample.consumer(group: "nobody")
            let none = try await sample.letters.bury(entry, from: stranger, error: "x", deliveries: 1, at: time)
            #expect(none == nil)
        }
    }

    @Test func takesEntriesOfAnySize() async throws {
        try await Sample.with { sample in
            let fields = (0..<5_000).flatMap { [field("name-\($0)"), field("\($0)")] }
            let entry = try await add(fields, to: sample)
            let id = try await sample.letters.bury(
                entry, from: sample.consumer(), error: "too much", deliveries: 1, at: time)
            let letter = try await self.letter(id, sample)
            #expect(letter.rawFields.flatMap { [$0.name, $0.value] } == fields)
            try await sample.letters.retry(letter)
            #expect(try await sample.letters.count() == 0)
            #expect(try await sample.consumer().read(count: 1, block: .milliseconds(1)).first?.fieldCount == 5_000)
        }
    }

    @Test func listsInPagesAndDrops() async throws {
        try await Sample.with { sample in
            for number in 0..<5 {
                let entry = try await add([field("number"), field("\(number)")], to: sample)
                _ = try await sample.letters.bury(entry, from: sample.consumer(), error: "x", deliveries: 1, at: time)
            }
            let first = try await sample.letters.list(limit: 3)
            let second = try await sample.letters.list(after: first.last?.id, limit: 3)
            #expect((first + second).map { $0.textFields[0].value } == ["0", "1", "2", "3", "4"])
            #expect(try await sample.letters.drop(first[0].id))
            let dropped = try await sample.letters.drop(first[0].id)
            #expect(!dropped)
            #expect(try await sample.letters.get(first[0].id) == nil)
            #expect(try await sample.letters.count() == 4)
        }
    }

    @Test func findsLettersByTheirErrorHoweverFarApart() async throws {
        try await Sample.with { sample in
            let errors = (0..<1_203).map { $0 % 400 == 0 ? "SQLSTATE 23514, no_poison" : "user_id is missing" }
            for error in errors {
                _ = try await sample.redis.client.send([
                    "XADD", sample.keys.deadLetters, "*", "source", "s", "source_id", "1-0", "error", error,
                    "deliveries", "1", "failed_at", "x",
                ])
            }
            let letters = sample.letters
            let poison = try await letters.list(error: "no_poison", limit: 10)
            #expect(poison.map(\.error) == Array(repeating: errors[0], count: 4))
            #expect(try await letters.list(error: "SQLSTATE", limit: 3).map(\.id) == poison.prefix(3).map(\.id))
            #expect(
                try await letters.list(after: poison[1].id, error: "SQLSTATE", limit: 9).map(\.id)
                    == poison[2...].map(\.id))
            #expect(try await letters.list(through: poison[1].id, limit: 2_000).count == 401)
            #expect(try await letters.list(limit: 2_000).count == 1_203)
            #expect(try await letters.list(error: "no such error", limit: 1).isEmpty)
            #expect(try await letters.newest() == letters.list(limit: 2_000).last?.id)
        }
    }

    @Test func retriesWithCorrections() async throws {
        try await Sample.with { sample in
            let event = Sample.events(1)[0]
            let fields = SignInEntry.encode(event).filter { $0.name != "user_id" } + [(name: "type", value: "Other")]
            let entry = try await add(fields.flatMap { [field($0.name), field($0.value)] }, to: sample)
            let id = try #require(
                try await sample.letters.bury(entry, from: sample.consumer(), error: "x", deliveries: 1, at: time))
            let letter = try await self.letter(id, sample)
            let new = try await sample.letters.retry(
                letter, set: [(name: "user_id", value: "\(event.userID)"), (name: "type", value: "UserSignIn")])
            let again = try #require(try await sample.consumer().read(count: 1, block: .milliseconds(1)).first)
            #expect(again.id == new)
            #expect(try SignInEntry.decode(again) == event)
            #expect(again["source"] == nil)
            await #expect(throws: DeadLetterError.notFound) { try await sample.letters.retry(letter) }
        }
    }

    @Test func retriesOnlyIntoItsOwnStreams() async throws {
        try await Sample.with { sample in
            let key = sample.redis.key("elsewhere")
            let added = try await sample.redis.client.send(
                [
                    "XADD", sample.keys.deadLetters, "*", "source", key, "source_id", "1-0", "error", "x", "deliveries",
                    "1", "failed_at", "never",
                ])
            let letter = try await self.letter(StreamID(added.string ?? ""), sample)
            #expect(letter.failedAt == nil)
            await #expect(throws: DeadLetterError.unknownSource(key)) { try await sample.letters.retry(letter) }
            #expect(try await sample.letters.count() == 1)
        }
    }

    @Test func showsLettersThatSomebodyElseWrote() async throws {
        try await Sample.with { sample in
            let added = try await sample.redis.client.send([
                "XADD", sample.keys.deadLetters, "*", "a", "b", "error", "mine",
            ])
            let letter = try await self.letter(StreamID(added.string ?? ""), sample)
            #expect(letter.textFields.map(\.name) == ["a", "error"])
            #expect(letter.error == "mine")
            #expect(letter.deliveries == 0)
        }
    }

    /// What a rewind does: the entry comes again though its letter was dealt with.
    @Test func anEntryHasOneLetterHoweverOftenItComes() async throws {
        try await Sample.with { sample in
            let consumer = sample.consumer()
            try await sample.producer.publish(Sample.events(1))
            func comeAgain() async throws -> StreamEntry {
                _ = try await sample.redis.client.send(["XGROUP", "SETID", sample.keys.signIns, "progress", "0"])
                return try #require(try await consumer.read(count: 1, block: .milliseconds(1)).first)
            }
            try await consumer.ensure()
            let letter = try #require(
                try await sample.letters.bury(
                    try await comeAgain(), from: consumer, error: "x", deliveries: 1, at: .now))
            for _ in 0..<2 {
                let second = try await sample.letters.bury(
                    try await comeAgain(), from: consumer, error: "x", deliveries: 1, at: .now)
                #expect(second == nil)
                #expect(try await consumer.stale(minIdle: .zero, count: 10).entries.isEmpty, "it is acknowledged")
                _ = try await sample.letters.drop(letter)
            }
            #expect(try await sample.letters.count() == 0)
            // Once the entry is trimmed nothing is remembered of it.
            try await sample.producer.publish(Sample.events(300))
            _ = try await consumer.acknowledge(try await consumer.read(count: 1_000, block: .milliseconds(1)).ids)
            _ = try await sample.redis.client.send(["XTRIM", sample.keys.signIns, "MAXLEN", 250])
            try await eventually("the trimmer forgets it") {
                _ = try await StreamTrimmer(sample.redis.client).trim(
                    stream: sample.keys.signIns, groups: ["progress"], keeping: .zero, most: 1_000)
                return try await sample.redis.client.send(["EXISTS", "\(sample.keys.signIns):buried"]).integer == 0
            }
        }
    }
}
