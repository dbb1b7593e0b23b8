import Domain
import Redis
import Storage
import Streams
import TestSupport
import Testing

@testable import HTTPFront

@Suite("Ingest over HTTP")
struct IngestTests {
    private let person = Identifier.random()

    @Test("One or many are accepted in order, and are in the stream when the answer comes")
    func accepted() async throws {
        try await TestFront.with { front in
            let one = try await front.key.send("POST", "/api/v1/sign-ins", json: ["user_id": JSON(person)])
            #expect(one.status == 202 && one.json["accepted"] == .integer(1))
            let items = (0..<1_000).map { _ in ["user_id": JSON(person), "type": "LevelUp"] as JSON }
            let many = try await front.key.send("POST", "/api/v1/sign-ins/", json: .array(items))
            #expect(many.status == 202 && many.json["accepted"] == .integer(1_000))
            let published = try await front.published()
            #expect(published.count == 1_001)
            #expect(published.map { JSON($0.id) } == ids(one) + ids(many))
        }
    }

    @Test("Three bad items name all three, and nothing is published")
    func allOrNothing() async throws {
        try await TestFront.with { front in
            let answer = try await front.key.send(
                "POST", "/api/v1/sign-ins",
                json: [
                    ["user_id": JSON(person)], ["user_id": "x"], ["user_id": JSON(person), "type": "QuestCompleted"],
                    ["user_id": JSON(person), "occurred_at": "yesterday"],
                ])
            #expect(answer.status == 422 && answer.problem == "invalid-values")
            #expect(answer.pointers == ["/1/user_id", "/2/type", "/3/occurred_at"])
            #expect(try await front.published().isEmpty)
        }
    }

    @Test("A key is needed; a token is none")
    func keys() async throws {
        try await TestFront.with { front in
            let body: JSON = ["user_id": JSON(person)]
            let none = try await front.client.send("POST", "/api/v1/sign-ins", json: body)
            #expect(none.status == 401 && none.headers["www-authenticate"] != nil)
            #expect(try await front.admin().send("POST", "/api/v1/sign-ins", json: body).status == 401)
            let unknown = Client(base: front.base, headers: ["X-API-Key": "a key that nobody has made"])
            #expect(try await unknown.send("POST", "/api/v1/sign-ins", json: body).status == 401)
        }
    }

    @Test("The same idempotency key gives the same ids")
    func idempotency() async throws {
        try await TestFront.with { front in
            let body: JSON = [["user_id": JSON(person)], ["user_id": JSON(person)]]
            let header = ["Idempotency-Key": "order 7"]
            let first = try await front.key.send("POST", "/api/v1/sign-ins", header, json: body)
            let again = try await front.key.send("POST", "/api/v1/sign-ins", header, json: body)
            #expect(ids(first) == ids(again))
            #expect(Set(ids(first).compactMap(\.string)).count == 2)
            let bad = ["Idempotency-Key": String(repeating: "x", count: 256)]
            #expect(try await front.key.send("POST", "/api/v1/sign-ins", bad, json: body).status == 400)
        }
    }

    @Test("With the outbox first, events are in both, and the row says so")
    func outboxMode() async throws {
        try await TestFront.with(["QUESTLINE_ACCEPT": "outbox"]) { front in
            let answer = try await front.key.send("POST", "/api/v1/sign-ins", json: ["user_id": JSON(person)])
            #expect(answer.status == 202)
            try await eventually("it is in the stream and not in the outbox") {
                let published = try await front.published()
                let waiting = try await SignInOutbox(front.database.client).unpublished()
                return published.count == 1 && waiting == 0
            }
        }
    }

    @Test("Claims are paid once, however often they are claimed, and by their own person only")
    func claims() async throws {
        try await TestFront.with { front in
            let ann = try await front.signUp("Ann")
            let asAnn = try await front.signIn("Ann")
            let quest = try #require(try await front.client.get("/api/v1/quests").data.first?["quest_id"]?.string)
            let completions = try [1, 2].map { ordinal in
                try completion(of: ann, quest: #require(Identifier(quest)), ordinal: ordinal)
            }
            _ = try await Claims(front.database.client).store(completions)
            let claims = try await asAnn.get("/api/v1/users/me/claims?limit=1")
            #expect(claims.data.count == 1)
            let cursor = try #require(claims.json["next_cursor"]?.string)
            let second = try await asAnn.get("/api/v1/users/me/claims?limit=1&cursor=\(cursor)")
            #expect(second.data.count == 1 && second.json["next_cursor"] == .null)
            let id = completions[0].id
            let path = "/api/v1/users/me/claims/\(id)/claim"
            let results = try await withThrowingTaskGroup(of: Answer.self) { group in
                for _ in 0..<4 { group.addTask { try await asAnn.send("POST", path) } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(results.allSatisfy { $0.status == 200 && $0.json["status"] == "claimed" })
            #expect(Set(results.map(\.text)).count == 1)
            #expect(try await asAnn.get("/api/v1/users/me").json["diamond"] == .integer(10))
            #expect(try await asAnn.get("/api/v1/users/me/wallet").data.count == 1)
            #expect(try await asAnn.get("/api/v1/users/me/claims?status=pending").data.count == 1)
            #expect(try await asAnn.get("/api/v1/users/me/claims?status=odd").status == 400)
            _ = try await front.signUp("Bob")
            let asBob = try await front.signIn("Bob")
            #expect(try await asBob.send("POST", path).status == 404)
            #expect(
                try await front.key.send("POST", "/api/v1/users/\(ann)/claims/\(completions[1].id)/claim").status == 200
            )
            #expect(try await asAnn.get("/api/v1/users/me").json["diamond"] == .integer(20))
            #expect(try await front.key.get("/api/v1/users/\(Identifier.random())/progress").data.isEmpty)
        }
    }

    @Test("Admins see events, status and dead letters; others do not")
    func operators() async throws {
        try await TestFront.with { front in
            let admin = try await front.admin()
            for path in ["events", "status", "dead-letters"] {
                #expect(try await admin.get("/api/v1/\(path)").status == 200, "\(path)")
                #expect(try await front.key.get("/api/v1/\(path)").status == 403, "\(path)")
                #expect(try await front.client.get("/api/v1/\(path)").status == 401, "\(path)")
            }
            for query in ["user_id=x", "type=no%20type", "recorded_from=now"] {
                #expect(try await admin.get("/api/v1/events?\(query)").status == 400, "\(query)")
            }
            let id = try await front.redis.client.send([
                "XADD", front.keys.deadLetters, "*", "event_id", "odd", "source", front.keys.signIns, "source_id",
                "1-1", "error", "event_id is not a UUID", "deliveries", "1", "failed_at", "2026-11-23T08:00:00.000Z",
            ]).string
            let letter = try #require(try await admin.get("/api/v1/dead-letters").data.first)
            #expect(letter["id"]?.string == id)
            #expect(letter["fields"]?["event_id"] == "odd")
            #expect(try await admin.get("/api/v1/dead-letters?error=not%20a%20UUID").data.count == 1)
            #expect(try await admin.get("/api/v1/dead-letters?error=SQLSTATE").data.isEmpty)
            #expect(try await admin.get("/api/v1/dead-letters?error=").status == 400)
            let path = "/api/v1/dead-letters/\(id ?? "")"
            let bad = try await admin.send("POST", "\(path)/retry", json: ["set": ["type": .integer(5)]])
            #expect(bad.pointers == ["/set/type"])
            let retried = try await admin.send("POST", "\(path)/retry", json: ["set": ["type": "UserSignIn"]])
            #expect(retried.status == 200 && retried.json["entry_id"]?.string != nil)
            #expect(try await admin.send("POST", "\(path)/retry").status == 404)
            #expect(try await admin.send("DELETE", path).status == 404)
        }
    }

    private func ids(_ answer: Answer) -> [JSON] {
        guard case .array(let ids) = answer.json["event_ids"] else { return [] }
        return ids
    }

    private func completion(of user: Identifier, quest: Identifier, ordinal: Int) throws -> Completion {
        Completion(
            id: Completion.id(userID: user, questID: quest, ordinal: Int32(ordinal)), userID: user, questID: quest,
            ordinal: Int32(ordinal), rewardItem: .diamond, rewardQuantity: 10, autoClaim: false, catalogRevision: 1,
            causeID: .random(), occurredAt: .now)
    }
}
