import Domain
import Identity
import NIOCore
import Testing

@testable import HTTPFront

@Suite("The body of an ingest request")
struct SignInBatchTests {
    private static let person = Identifier.random()
    private let now = Timestamp(milliseconds: 1_800_000_000_000)

    private func batch(_ key: String? = nil, sender: Identifier = .random()) -> SignInBatch {
        SignInBatch(
            sender: APIKeyHolder(keyID: sender, name: "game"), idempotencyKey: key, origin: .unnamed, now: now)
    }

    private func faults(_ body: JSON) -> [String] {
        do {
            _ = try batch().events(in: body)
            return []
        } catch {
            return (error as? Problem)?.faults.map(\.pointer) ?? ["\(error)"]
        }
    }

    private func item(_ more: (String, JSON)...) -> JSON {
        .object(
            [JSON.Member(name: "user_id", value: JSON(Self.person))] + more.map { JSON.Member(name: $0.0, value: $0.1) }
        )
    }

    @Test("One object, with everything left out that may be")
    func defaults() throws {
        let event = try #require(try batch().events(in: item()).first)
        #expect(event.type == .signIn)
        #expect(event.userID == Self.person)
        #expect(event.occurredAt == now)
        #expect(event.id.version == 7)
    }

    @Test("The answer names the ids in order")
    func answer() throws {
        let events = try batch().events(in: [item(), item(("event_id", JSON(Identifier.random()))), item()])
        let expected: JSON = ["accepted": JSON(3), "event_ids": .array(events.map { JSON($0.id) })]
        #expect(String(buffer: SignInsController.answer(events)) == expected.text)
        #expect(Set(events.map(\.id)).count == 3)
    }

    @Test("Order, given ids, types and times are kept")
    func kept() throws {
        let (one, two) = (Identifier.random(), Identifier.timeOrdered(at: now))
        let events = try batch().events(
            in: [
                item(("event_id", JSON(one)), ("type", "LevelUp"), ("occurred_at", "2026-11-23T10:00:00+02:00")),
                item(("event_id", JSON(two)), ("type", .null)),
            ])
        #expect(events.map(\.id) == [one, two])
        #expect(events.map(\.type.name) == ["LevelUp", "UserSignIn"])
        #expect(events[0].occurredAt.description == "2026-11-23T08:00:00.000Z")
    }

    @Test("Each fault is named by its pointer, and one is enough to refuse all")
    func pointers() {
        let completion = Identifier.random().marked(version: 8)
        #expect(
            faults([
                item(), item(("type", "QuestCompleted")), item(("type", "no spaces")), item(("type", JSON.integer(5))),
                item(("event_id", JSON(completion))), item(("event_id", "x")),
                item(("occurred_at", "+99999-01-01T00:00:00Z")), item(("occurred_at", "2036-01-01T00:00:00Z")),
                item(("nickname", "x")), item(("a/b~c", "x")), JSON.integer(7), [:],
            ]) == [
                "/1/type", "/2/type", "/3/type", "/4/event_id", "/5/event_id", "/6/occurred_at", "/7/occurred_at",
                "/8/nickname", "/9/a~1b~0c", "/10", "/11/user_id",
            ])
        #expect(faults("x") == [""])
        #expect(faults([]) == [""])
        #expect(faults(.array(Array(repeating: item(), count: 1_001))) == [""])
        #expect(faults(.array(Array(repeating: item(), count: 1_000))) == [])
        #expect(faults(["user_id": "\u{0}"]) == ["/user_id"])
    }

    @Test("A clock may be five minutes ahead, not more")
    func tolerance() {
        #expect(faults(item(("occurred_at", JSON(now.advanced(bySeconds: 300))))) == [])
        #expect(faults(item(("occurred_at", JSON(now.advanced(bySeconds: 301))))) == ["/occurred_at"])
    }

    @Test("One id for two events is refused, the same event twice is not")
    func conflicts() {
        let id = ("event_id", JSON(Identifier.random()))
        #expect(faults([item(id), item(id)]) == [])
        #expect(faults([item(id), item(id, ("type", "Other"))]) == ["/1/event_id"])
    }

    @Test("An idempotency key gives the same ids to the same sender, and to nobody else")
    func idempotency() throws {
        let sender = Identifier.random()
        let body: JSON = [item(), item()]
        let first = try batch("order 7", sender: sender).events(in: body).map(\.id)
        let again = try batch("order 7", sender: sender).events(in: body).map(\.id)
        #expect(first == again)
        #expect(Set(first).count == 2)
        #expect(first.allSatisfy { $0.version == 5 })
        #expect(try batch("order 8", sender: sender).events(in: body).map(\.id) != first)
        #expect(try batch("order 7").events(in: body).map(\.id) != first)
        // Index 0 of "1:x" and index 1 of "x" must not meet.
        let one = try batch("1:x", sender: sender).events(in: body).map(\.id)
        let other = try batch("x", sender: sender).events(in: body).map(\.id)
        #expect(Set(one).isDisjoint(with: other))
    }
}
