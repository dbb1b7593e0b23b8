import Domain
import Redis
import Streams
import TestSupport
import Testing

@Suite struct EntryTests {
    private let id = StreamID(milliseconds: 1, sequence: 0)
    private let event = SignInEvent(
        id: .timeOrdered(at: .now), type: .signIn, userID: .random(), occurredAt: .now,
        origin: EventOrigin(
            traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", requestID: "req-7_A"))
    private let completion = Completion(
        id: Identifier.random().marked(version: 8), userID: .random(), questID: .random(), ordinal: 2,
        rewardItem: .diamond, rewardQuantity: 10, autoClaim: true, catalogRevision: 7, causeID: .random(),
        occurredAt: .now)

    private func entry(_ fields: [(name: String, value: String)]) throws -> StreamEntry {
        try #require(StreamEntry(id: id, fields: fields))
    }

    /// An entry with bytes that are not text.
    private func entry(raw fields: [[UInt8]]) throws -> StreamEntry {
        var bytes = Array("*2\r\n$3\r\n1-0\r\n*\(fields.count)\r\n".utf8)
        for field in fields { bytes += Array("$\(field.count)\r\n".utf8) + field + Array("\r\n".utf8) }
        return try #require(RedisReply(parsing: bytes).flatMap { StreamEntry($0) })
    }

    private func refusal(_ decode: () throws(EntryError) -> Void) -> String? {
        do {
            try decode()
            return nil
        } catch {
            return error.description
        }
    }

    @Test func signInsReadWhatTheyWrite() throws {
        let written = try entry(SignInEntry.encode(event))
        #expect(try SignInEntry.decode(written) == event)
        let plain = SignInEvent(id: event.id, type: .firstSignIn, userID: event.userID, occurredAt: event.occurredAt)
        #expect(try SignInEntry.decode(try entry(SignInEntry.encode(plain))) == plain)
        #expect(SignInEntry.encode(plain).map(\.name) == ["event_id", "type", "user_id", "occurred_at"])
    }

    @Test func completionsReadWhatTheyWrite() throws {
        #expect(try CompletionEntry.decode(try entry(CompletionEntry.encode(completion))) == completion)
        #expect(
            CompletionEntry.encode(completion).map(\.name) == [
                "event_id", "type", "user_id", "quest_id", "completion", "reward_item", "reward_qty", "auto_claim",
                "catalog_revision", "cause_id", "occurred_at",
            ])
    }

    @Test(arguments: ["event_id", "type", "user_id", "occurred_at"])
    func signInsNameAMissingOrRepeatedField(name: String) throws {
        let fields = SignInEntry.encode(event)
        let without = try entry(fields.filter { $0.name != name })
        #expect(refusal { () throws(EntryError) in _ = try SignInEntry.decode(without) } == "\(name) is missing")
        let twice = try entry(fields + fields.filter { $0.name == name })
        #expect(
            refusal { () throws(EntryError) in _ = try SignInEntry.decode(twice) }
                == "\(name) stands there more than once")
    }

    @Test(arguments: [
        ("event_id", ""), ("event_id", "0193c1a4-7f6e-7000-8000-00000000000"), ("event_id", "not-a-uuid"),
        ("event_id", "0193c1a4-7f6e-7000-8000-00000000000g"), ("event_id", "0193c1a4x7f6e-7000-8000-000000000000"),
        ("event_id", "0193c1a4-7f6e-8000-8000-000000000000"), ("user_id", "{193c1a4-7f6e-7000-8000-00000000000}"),
        ("type", ""), ("type", "QuestCompleted"), ("type", "1stSignIn"), ("type", "Sign In"), ("type", "Sign\0In"),
        ("type", String(repeating: "x", count: 65)), ("occurred_at", ""), ("occurred_at", "yesterday"),
        ("occurred_at", "99999-01-01T00:00:00.000Z"), ("occurred_at", "0000-01-01T00:00:00.000Z"),
        ("occurred_at", "2026-02-29T00:00:00.000Z"), ("occurred_at", "2026-13-01T00:00:00.000Z"),
        ("occurred_at", "2026-11-23T24:00:00.000Z"), ("occurred_at", "2026-11-23T08:30:00.125"),
        ("occurred_at", "2026-11-23T08:30:00.125Z\0"), ("occurred_at", "1767225600"),
        ("occurred_at", "-001-11-23T08:30:00.125Z"), ("occurred_at", "2026-11-23T08:30:60.000Z"),
    ])
    func signInsNameABadField(name: String, value: String) throws {
        let bad = try entry(SignInEntry.encode(event).map { $0.name == name ? (name, value) : $0 })
        let text = refusal { () throws(EntryError) in _ = try SignInEntry.decode(bad) }
        #expect(text?.hasPrefix("\(name) is not ") == true, "\(text ?? "accepted")")
        if value.count > 8 { #expect(text?.contains(value) == false) }
    }

    @Test(arguments: [
        ("event_id", "0193c1a4-7f6e-7000-8000-000000000000"), ("type", "UserSignIn"), ("completion", "0"),
        ("completion", "+1"), ("completion", "01"), ("completion", "2147483648"), ("reward_item", "ruby"),
        ("reward_qty", "-1"), ("reward_qty", "0"), ("reward_qty", "9223372036854775808"), ("reward_qty", " 1"),
        ("auto_claim", "1"), ("catalog_revision", ""), ("cause_id", "x"), ("quest_id", ""), ("occurred_at", "now"),
    ])
    func completionsNameABadField(name: String, value: String) throws {
        let bad = try entry(CompletionEntry.encode(completion).map { $0.name == name ? (name, value) : $0 })
        let text = refusal { () throws(EntryError) in _ = try CompletionEntry.decode(bad) }
        #expect(text?.hasPrefix("\(name) is not ") == true, "\(text ?? "accepted")")
    }

    @Test func acceptsWhatOtherProducersMayWrite() throws {
        func decoded(_ time: String) throws -> Timestamp {
            let fields = SignInEntry.encode(event).map { $0.name == "occurred_at" ? ("occurred_at", time) : $0 }
            return try SignInEntry.decode(try entry(fields + [("app", "8.1")])).occurredAt
        }
        let noon = try decoded("2026-11-23T12:00:00.000Z")
        #expect(try decoded("2026-11-23T12:00:00Z") == noon)
        #expect(try decoded("2026-11-23T14:00:00+02:00") == noon)
        #expect(try decoded("2026-11-23T12:00:00.000999Z") == noon)
        #expect(try decoded("9999-12-31T23:59:59.999Z").milliseconds == Timestamp.range.upperBound)
    }

    @Test func aBadTraceOrRequestIsLeftOut() throws {
        for trace in ["", "xyz", String(repeating: "G", count: 55), "00-" + String(repeating: "é", count: 26)] {
            let fields = SignInEntry.encode(event).map { $0.name == "traceparent" ? ("traceparent", trace) : $0 }
            let origin = try SignInEntry.decode(try entry(fields)).origin
            #expect(origin.traceparent == nil && origin.requestID == "req-7_A")
        }
        for request in ["", "a b", "é", "\"", String(repeating: "a", count: 65)] {
            let fields = SignInEntry.encode(event).map { $0.name == "request_id" ? ("request_id", request) : $0 }
            let origin = try SignInEntry.decode(try entry(fields)).origin
            #expect(origin.requestID == nil && origin.traceparent == event.origin.traceparent)
        }
    }

    @Test func oddShapesAreErrorsAndKeepTheirBytes() throws {
        let notText: [[UInt8]] = [[0xff, 0], [0xfe], Array("type".utf8), [0xc3, 0x28]]
        let odd = try entry(raw: notText)
        #expect(odd.rawFields.flatMap { [$0.name, $0.value] } == notText)
        #expect(refusal { () throws(EntryError) in _ = try SignInEntry.decode(odd) } == "event_id is missing")
        var fields = SignInEntry.encode(event).flatMap { [Array($0.name.utf8), Array($0.value.utf8)] }
        fields[3] = [0xc3, 0x28]
        let badType = try entry(raw: fields)
        #expect(refusal { () throws(EntryError) in _ = try SignInEntry.decode(badType) }?.hasPrefix("type") == true)
        let lonely = try entry(raw: [Array("event_id".utf8)])
        #expect(lonely.fieldCount == 0)
        #expect(refusal { () throws(EntryError) in _ = try SignInEntry.decode(lonely) } == "event_id is missing")
        let gone = try #require(
            RedisReply(parsing: Array("*2\r\n$3\r\n1-0\r\n*-1\r\n".utf8)).flatMap { StreamEntry($0) })
        #expect(gone.isDeleted)
        #expect(refusal { () throws(EntryError) in _ = try SignInEntry.decode(gone) } == "the entry was deleted")
        #expect(StreamEntry(try #require(RedisReply(parsing: Array(":1\r\n".utf8)))) == nil)
        #expect(StreamEntry(try #require(RedisReply(parsing: Array("*2\r\n:1\r\n:2\r\n".utf8)))) == nil)
    }

    /// The short cut on which every entry goes reads what the full reader reads.
    @Test func timesReadFastReadTheSame() throws {
        var generator = SystemRandomNumberGenerator()
        var moments = (0..<2_000).map { _ in Int64.random(in: Timestamp.range, using: &generator) }
        // The days around every month's end of some years.
        for year in [1, 1899, 1900, 1970, 2000, 2024, 2026, 2100, 9999] {
            for month in 1...12 {
                for day in [1, 27, 28] {
                    let text = "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))T23:59:59.999Z"
                    moments.append(try #require(Timestamp(rfc3339: text)).milliseconds)
                }
            }
        }
        for moment in moments {
            let time = Timestamp(milliseconds: moment)
            let fields = SignInEntry.encode(event).map { $0.name == "occurred_at" ? ("occurred_at", "\(time)") : $0 }
            #expect(try SignInEntry.decode(try entry(fields)).occurredAt == time)
        }
    }

    private func padded(_ number: Int, _ width: Int) -> String {
        String(repeating: "0", count: width - String(number).count) + String(number)
    }
}
