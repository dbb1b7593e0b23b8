import Domain
import Postgres
import Redis
import Storage
import Streams
import TestSupport
import Testing

@testable import HTTPFront

@Suite("Explaining and following over HTTP")
struct ExplainTests {
    private func record(_ front: TestFront, _ person: Identifier, _ count: Int, type: EventType = .signIn) async throws
    {
        guard let book = try await QuestRows(front.database.client).book() else { throw Unrecoverable("no catalog") }
        for _ in 0..<count {
            let event = SignInEvent(id: .random(), type: type, userID: person, occurredAt: .now)
            let recorded = try await EventStore(front.database.client).record([event], under: book)
            _ = try await Claims(front.database.client).store(recorded.completions)
        }
    }

    @Test("Explanations that take long keep nobody else waiting")
    func apart() async throws {
        try await TestFront.with(["QUESTLINE_POOL": "2"]) { front in
            _ = try await front.signUp("Ann")
            let ann = try await front.signIn("Ann")
            let holder = try front.database.another(poolSize: 1)
            defer { holder.close() }
            func waiting() async throws -> Int64 {
                try await front.database.client.query(
                    "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'processing.user_quest_rewards'::regclass"
                ).first?.decode(0) ?? 0
            }
            _ = try await holder.query("BEGIN")
            _ = try await holder.query("LOCK TABLE processing.user_quest_rewards")
            try await withThrowingTaskGroup { group in
                for _ in 0..<8 { group.addTask { _ = try await ann.get("/api/v1/users/me/explain") } }
                try await eventually("they wait") { try await waiting() == 2 }
                #expect(try await ann.get("/api/v1/users/me").status == 200)
                #expect(try await waiting() == 2)
                _ = try await holder.query("COMMIT")
                try await group.waitForAll()
            }
        }
    }

    @Test("People see why they stand where they stand, keys and admins anybody, others nothing")
    func explain() async throws {
        try await TestFront.with { front in
            let ann = try await front.signUp("Ann")
            let asAnn = try await front.signIn("Ann")
            _ = try await front.signUp("Bob")
            try await record(front, ann, 7)
            try await record(front, ann, 2, type: try #require(EventType("Unheard")))
            let path = "/api/v1/users/\(ann)/explain"
            let answer = try await asAnn.get("/api/v1/users/me/explain?limit=100")
            #expect(answer.status == 200)
            #expect(answer.headers["cache-control"] == "no-store")
            #expect(answer.json["user_id"]?.string == ann.description && answer.json["next_cursor"] == .null)
            guard case .array(let quests) = answer.json["quests"], case .array(let events) = answer.json["events"],
                let quest = quests.first, case .array(let completions) = quest["completions"]
            else {
                Issue.record("\(answer.text)")
                return
            }
            #expect(events.count == 9)
            #expect(quest["duplication"] == .integer(2) && quest["counted"] == .integer(6))
            #expect(quest["differs"] == .bool(false) && quest["next"] == .null)
            #expect(quest["not_counted"]?.text == #"[{"reason":"limit_reached","count":1}]"#)
            #expect(completions.count == 2 && completions[0]["claim"]?["status"] == "pending")
            #expect(answer.json["other_types"]?.text == #"[{"event_type":"Unheard","count":2}]"#)
            #expect(try await front.key.get(path + "?limit=100").json == answer.json)
            #expect(try await front.admin().get(path + "?limit=100").json == answer.json)
            #expect(try await front.signIn("Bob").get(path).problem == "forbidden")
            #expect(try await front.client.get(path).status == 401)
            let fresh = try await front.key.get("/api/v1/users/\(Identifier.random())/explain")
            guard case .array(let untouched) = fresh.json["quests"] else { return }
            #expect(untouched.first?["next"]?["text"] == "3 more UserSignIn" && untouched.first?["stored"] == .null)
            // Page by page it is the same.
            var (walked, cursor): ([JSON], String?) = ([], nil)
            repeat {
                let page = try await front.key.get(path + "?limit=2" + (cursor.map { "&cursor=\($0)" } ?? ""))
                guard case .array(let some) = page.json["events"] else { break }
                walked += some
                cursor = page.json["next_cursor"]?.string
            } while cursor != nil
            #expect(walked == events)
        }
    }

    @Test("Following gives a cursor always, and each event once; a cursor of the other order is refused")
    func follow() async throws {
        try await TestFront.with { front in
            let admin = try await front.admin()
            let person = Identifier.random()
            let path = "/api/v1/events?order=oldest&user_id=\(person)&limit=2"
            let empty = try await admin.get(path)
            #expect(empty.status == 200 && empty.data.isEmpty)
            var cursor = try #require(empty.json["next_cursor"]?.string)
            var seen: [String] = []
            for round in 1...2 {
                try await record(front, person, 3)
                try await eventually("the events of round \(round) are seen") {
                    let page = try await admin.get(path + "&cursor=\(cursor)")
                    seen += page.data.compactMap { $0["id"]?.string }
                    cursor = try #require(page.json["next_cursor"]?.string)
                    return seen.count >= 4 * round
                }
            }
            #expect(Set(seen).count == 8 && seen.count == 8)
            let newest = try await admin.get("/api/v1/events?user_id=\(person)&limit=100").data
            #expect(newest.compactMap { $0["id"]?.string } == seen.reversed())
            #expect(try await admin.get("/api/v1/events?cursor=\(cursor)").problem == "malformed-request")
            #expect(try await admin.get("/api/v1/events?order=sideways").problem == "malformed-request")
            #expect(try await front.key.get(path).problem == "forbidden")
            let audit = try await admin.get("/api/v1/audit?order=oldest&limit=1")
            #expect(audit.status == 200 && audit.json["next_cursor"]?.string != nil)
            let wrong = "/api/v1/audit?cursor=\(audit.json["next_cursor"]?.string ?? "")"
            #expect(try await admin.get(wrong).problem == "malformed-request")
        }
    }

    @Test("The count of accounts is that of the walk's first page")
    func count() async throws {
        try await TestFront.with { front in
            let admin = try await front.admin()
            for name in ["Ann", "Bob", "Cid"] { _ = try await front.signUp(name) }
            let first = try await admin.get("/api/v1/users?limit=2")
            _ = try await front.signUp("Dan")
            let cursor = try #require(first.json["next_cursor"]?.string)
            let second = try await admin.get("/api/v1/users?limit=2&cursor=\(cursor)")
            #expect(first.json["count"] == .integer(4) && second.json["count"] == .integer(4))
            #expect(try await admin.get("/api/v1/users?limit=2").json["count"] == .integer(5))
        }
    }

    /// Walks a list to its end; `between` is called after each page.
    private func walk(
        _ client: Client, _ path: String, by id: String, between: (Int) async throws -> Void
    ) async throws -> [String] {
        var (seen, cursor, number): ([String], String?, Int) = ([], nil, 0)
        repeat {
            let page = try await client.get(path + "?limit=3" + (cursor.map { "&cursor=\($0)" } ?? ""))
            #expect(page.status == 200 && page.data.count <= 3)
            seen += page.data.compactMap { $0[id]?.string }
            cursor = page.json["next_cursor"]?.string
            try await between(number)
            number += 1
        } while cursor != nil && number < 50
        return seen
    }

    @Test("Quests, rewards and dead letters: what was there at the first page comes once, whatever is added meanwhile")
    func others() async throws {
        try await TestFront.with { front in
            let admin = try await front.admin()
            @Sendable func add() async throws {
                let reward = try await admin.send(
                    "POST", "/api/v1/rewards",
                    json: [
                        "reward_name": .string("reward \(Identifier.random())"), "reward_item": "gold",
                        "reward_qty": .integer(1),
                    ])
                let quest = try await admin.send(
                    "POST", "/api/v1/quests",
                    json: [
                        "name": .string("quest \(Identifier.random())"), "description": "", "event_type": "UserSignIn",
                        "streak": .integer(2), "duplication": .integer(2), "auto_claim": false,
                        "reward_id": reward.json["reward_id"] ?? .null,
                    ])
                #expect(reward.status == 201 && quest.status == 201, "\(reward.text) \(quest.text)")
                _ = try await front.redis.client.send([
                    "XADD", front.keys.deadLetters, "*", "source", front.keys.signIns, "source_id", "1-1", "error", "x",
                    "deliveries", "1", "failed_at", Timestamp.now.description,
                ])
            }
            for _ in 0..<7 { try await add() }
            for (path, id) in [("quests", "quest_id"), ("rewards", "reward_id"), ("dead-letters", "id")] {
                let before = try await admin.get("/api/v1/\(path)?limit=100").data.compactMap { $0[id]?.string }
                #expect(before.count >= 7)
                let seen = try await walk(admin, "/api/v1/\(path)", by: id) { if $0 < 4 { try await add() } }
                #expect(Set(seen).count == seen.count && Set(before).isSubset(of: seen), "\(path)")
            }
        }
    }
}
