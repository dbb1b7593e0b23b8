import Catalog
import Domain
import Storage
import TestSupport
import Testing

@testable import HTTPFront

@Suite("Quests and rewards over HTTP")
struct CatalogCommandsTests {
    private func reward(_ admin: Client, _ name: String = "100 gold") async throws -> (id: String, tag: String) {
        let answer = try await admin.send(
            "POST", "/api/v1/rewards",
            json: ["reward_name": .string(name), "reward_item": "gold", "reward_qty": .integer(100)])
        #expect(answer.status == 201, "\(answer.text)")
        return (id: answer.json["reward_id"]?.string ?? "", tag: answer.headers["etag"] ?? "")
    }

    private func quest(_ reward: String, _ name: String = "Levels") -> JSON {
        [
            "name": .string(name), "event_type": "LevelUp", "streak": .integer(2), "duplication": .integer(3),
            "reward_id": .string(reward),
        ]
    }

    private func with(_ json: JSON, _ name: String, _ value: JSON?) -> JSON {
        guard case .object(let members) = json else { return json }
        let others = members.filter { $0.name != name }
        return .object(others + (value.map { [JSON.Member(name: name, value: $0)] } ?? []))
    }

    @Test("A quest is made, read, changed by its tag, retired and made active again")
    func life() async throws {
        try await TestFront.with { front in
            let admin = try await front.admin()
            let made = try await admin.send("POST", "/api/v1/quests/", json: quest(try await reward(admin).id))
            #expect(made.status == 201, "\(made.text)")
            let (path, tag) = (made.headers["location"] ?? "", made.headers["etag"] ?? "")
            let read = try await front.client.get(path)
            #expect(read.status == 200 && read.body == made.body && read.headers["etag"] == tag)
            #expect(read.json["description"] == "" && read.json["auto_claim"] == .bool(false))
            #expect(try await front.client.get(path, ["If-None-Match": "W/\(tag), \"x\""]).status == 304)

            let missing = try await admin.send("PATCH", path, json: ["streak": .integer(5)])
            #expect(missing.status == 428 && missing.problem == "precondition-required")
            let changed = try await admin.send(
                "PATCH", path, ["If-Match": "\"x\", \(tag)"], json: ["streak": .integer(5)])
            #expect(changed.status == 200 && changed.json["streak"] == .integer(5))
            let now = changed.headers["etag"] ?? ""
            #expect(now != tag)
            #expect(try await front.client.get(path).headers["etag"] == now)
            let stale = try await admin.send("PATCH", path, ["If-Match": tag], json: ["streak": .integer(6)])
            #expect(stale.status == 412 && stale.problem == "precondition-failed" && stale.headers["etag"] == now)
            let weak = try await admin.send("PATCH", path, ["If-Match": "W/\(now)"], json: ["streak": .integer(6)])
            #expect(weak.status == 412)
            for list in ["\"x\", *", "*, \"x\"", "\"x,*,y\"", ""] {
                let answer = try await admin.send("PATCH", path, ["If-Match": list], json: ["streak": .integer(6)])
                #expect(answer.status == 412, "\(list)")
                #expect(try await front.client.get(path, ["If-None-Match": list]).status == 200)
            }
            let same = try await admin.send("PATCH", path, ["If-Match": now], json: ["streak": .integer(5)])
            #expect(same.status == 200 && same.headers["etag"] == now)

            #expect(try await admin.send("DELETE", path).status == 428)
            #expect(try await admin.send("DELETE", path, ["If-Match": tag]).status == 412)
            let retired = try await admin.send("DELETE", path, ["If-Match": now])
            #expect(retired.status == 204 && retired.body.isEmpty)
            #expect(try await front.client.get(path).json["active"] == .bool(false))
            let last = retired.headers["etag"] ?? ""
            #expect(try await admin.send("DELETE", path, ["If-Match": last]).status == 204)
            #expect(try await front.client.get("/api/v1/quests").text.contains("Levels") == false)
            #expect(try await front.client.get("/api/v1/quests?include=retired").text.contains("Levels"))
            let back = try await admin.send("PATCH", path, ["If-Match": "*"], json: ["active": .bool(true)])
            #expect(back.status == 200)
            #expect(try await front.client.get("/api/v1/quests?event_type=LevelUp").data.count == 1)
            #expect(try await front.client.get("/api/v1/quests/name/Levels").body == back.body)
        }
    }

    @Test("A front that tells of a newer state answers it from then on, whoever made it")
    func toldOfNewer() async throws {
        try await TestFront.with { front in
            let admin = try await front.admin()
            let made = try await admin.send("POST", "/api/v1/quests/", json: quest(try await reward(admin).id))
            let (path, tag) = (made.headers["location"] ?? "", made.headers["etag"] ?? "")
            let id = try #require(made.json["quest_id"]?.string.flatMap { Identifier($0) })
            /// As another front that stops before it has brought the copies up to date.
            func elsewhere(streak: Int32) async throws {
                #expect(try await front.client.get(path).status == 200)
                var change = QuestChange()
                change.streak = streak
                let commands = CatalogCommands(front.database.client)
                _ = try await commands.change(quest: id, change, if: .any, by: .commandLine)
            }
            try await elsewhere(streak: 7)
            let stale = try await admin.send("PATCH", path, ["If-Match": tag], json: ["streak": .integer(8)])
            #expect(stale.status == 412)
            #expect(try await front.client.get(path).headers["etag"] == stale.headers["etag"])
            try await elsewhere(streak: 9)
            let same = try await admin.send("PATCH", path, ["If-Match": "*"], json: ["streak": .integer(9)])
            #expect(same.status == 200)
            #expect(try await front.client.get(path).headers["etag"] == same.headers["etag"])
        }
    }

    @Test("What is wrong is named by its pointer")
    func faults() async throws {
        try await TestFront.with { front in
            let admin = try await front.admin()
            let good = quest(try await reward(admin).id)
            func pointers(_ name: String, _ value: JSON?) async throws -> [String] {
                let answer = try await admin.send("POST", "/api/v1/quests", json: with(good, name, value))
                #expect(answer.status == 422, "\(name) \(value?.text ?? "-"): \(answer.text)")
                return answer.pointers
            }
            let long = String(repeating: "x", count: 256)
            for value in [nil, .null, "", .string(long), "a\u{0}b", .integer(3), .array([])] as [JSON?] {
                #expect(try await pointers("name", value) == ["/name"])
            }
            for value in [.string(String(repeating: "x", count: 2_001)), .null, .bool(true)] as [JSON] {
                #expect(try await pointers("description", value) == ["/description"])
            }
            for value in [nil, "", "1st", "a b", "QuestCompleted", "NewUserSignIn", .integer(1)] as [JSON?] {
                #expect(try await pointers("event_type", value) == ["/event_type"])
            }
            for name in ["streak", "duplication"] {
                let values: [JSON?] = [
                    nil, .integer(0), .integer(-1), .integer(1_000_001), .number(1.5), .number(1e300), "3", .bool(true),
                ]
                for value in values { #expect(try await pointers(name, value) == ["/\(name)"]) }
            }
            #expect(try await pointers("auto_claim", "yes") == ["/auto_claim"])
            for value in [nil, "x", .string(Identifier.random().description), .integer(1)] as [JSON?] {
                #expect(try await pointers("reward_id", value) == ["/reward_id"])
            }
            #expect(try await pointers("a/b~c", .integer(1)) == ["/a~1b~0c"])
            #expect(try await pointers("revision", .integer(1)) == ["/revision"])
            let several = try await admin.send("POST", "/api/v1/quests", json: ["streak": .integer(0)])
            #expect(Set(several.pointers) == ["/name", "/event_type", "/streak", "/duplication", "/reward_id"])
            for (name, value) in [
                ("reward_item", "silver"), ("reward_qty", .integer(0)), ("reward_qty", .integer(1_000_000_000_001)),
                ("reward_qty", .number(9.3e18)), ("reward_name", ""), ("active", .bool(true)),
            ] as [(String, JSON)] {
                let reward: JSON = ["reward_name": "r", "reward_item": "gold", "reward_qty": .integer(1)]
                let answer = try await admin.send("POST", "/api/v1/rewards", json: with(reward, name, value))
                #expect(answer.status == 422 && answer.pointers == ["/\(name)"], "\(name) \(answer.text)")
            }
            let whole = try await admin.send("POST", "/api/v1/quests", json: with(good, "streak", .number(3)))
            #expect(whole.status == 201 && whole.json["streak"] == .integer(3))
            let patch = try await admin.send(
                "PATCH", whole.headers["location"] ?? "", ["If-Match": "*"],
                json: ["name": .null, "active": "no", "quest_id": "x"])
            #expect(Set(patch.pointers) == ["/name", "/active", "/quest_id"])
            #expect(try await admin.send("POST", "/api/v1/quests", json: .array([])).status == 422)
            let torn = try await admin.send(
                "POST", "/api/v1/quests", ["Content-Type": "application/json"], body: Array("{".utf8))
            #expect(torn.status == 400)
        }
    }

    @Test("Taken names, rewards in use, things that are not there, and callers who may not")
    func refusals() async throws {
        try await TestFront.with { front in
            let admin = try await front.admin()
            let gold = try await reward(admin)
            let good = quest(gold.id)
            #expect(try await admin.send("POST", "/api/v1/quests", json: good).status == 201)
            let again = try await admin.send("POST", "/api/v1/quests", json: good)
            #expect(again.status == 409 && again.problem == "name-taken")
            let rewardAgain = try await admin.send(
                "POST", "/api/v1/rewards",
                json: ["reward_name": "100 gold", "reward_item": "gold", "reward_qty": .integer(1)])
            #expect(rewardAgain.status == 409 && rewardAgain.problem == "name-taken")
            let inUse = try await admin.send("DELETE", "/api/v1/rewards/\(gold.id)", ["If-Match": gold.tag])
            #expect(inUse.status == 409 && inUse.problem == "reward-in-use" && inUse.text.contains("Levels ("))
            for path in [
                "/api/v1/quests/\(Identifier.random())", "/api/v1/rewards/\(Identifier.random())", "/api/v1/quests/x",
            ] {
                #expect(try await admin.send("PATCH", path, ["If-Match": "*"], json: [:]).status == 404)
                #expect(try await admin.send("DELETE", path, ["If-Match": "*"]).status == 404)
            }
            _ = try await front.signUp("player")
            let callers = [(front.client, 401), (front.key, 403), (try await front.signIn("player"), 403)]
            for (client, status) in callers {
                #expect(try await client.send("POST", "/api/v1/quests", json: good).status == status)
                #expect(try await client.send("POST", "/api/v1/rewards", json: [:]).status == status)
                for path in ["/api/v1/quests/\(Identifier.random())", "/api/v1/rewards/\(gold.id)"] {
                    #expect(try await client.send("PATCH", path, ["If-Match": "*"], json: [:]).status == status)
                    #expect(try await client.send("DELETE", path, ["If-Match": "*"]).status == status)
                }
            }
            for query in ["include=all", "event_type=a-b", "limit=0", "cursor=x"] {
                #expect(try await front.client.get("/api/v1/quests?\(query)").status == 400)
            }
        }
    }

    @Test("Cursors lead through all pages, and a page has a tag")
    func pages() async throws {
        try await TestFront.with { front in
            let admin = try await front.admin()
            let gold = try await reward(admin)
            for number in 1...5 {
                let made = try await admin.send("POST", "/api/v1/quests", json: quest(gold.id, "Quest \"\(number)\""))
                #expect(made.status == 201)
            }
            var (names, next): ([String], String?) = ([], "/api/v1/quests?limit=2")
            while let path = next {
                let page = try await front.client.get(path)
                #expect(try await front.client.get(path, ["If-None-Match": page.headers["etag"] ?? ""]).status == 304)
                names += page.data.compactMap { $0["name"]?.string }
                next = page.json["next_cursor"]?.string.map { "/api/v1/quests?limit=2&cursor=\($0)" }
            }
            #expect(names == (1...5).map { "Quest \"\($0)\"" } + ["UserSignIn"])
            #expect(try await front.client.get("/api/v1/rewards").data.count == 2)
        }
    }

    @Test(
        "The front that has answered a change answers nothing older, with Redis and without", arguments: [true, false])
    func ownChanges(withRedis: Bool) async throws {
        try await TestFront.with(withRedis ? [:] : ["CACHE_REDIS_URL": "redis://127.0.0.1:1"]) { front in
            let admin = try await front.admin()
            let made = try await admin.send("POST", "/api/v1/quests", json: quest(try await reward(admin).id))
            let path = made.headers["location"] ?? ""
            for streak in 10..<(withRedis ? 60 : 20) {
                let changed = try await admin.send(
                    "PATCH", path, ["If-Match": "*"], json: ["streak": JSON(streak)])
                #expect(changed.status == 200)
                #expect(try await front.client.get(path).body == changed.body)
                #expect(try await front.client.get("/api/v1/quests/name/Levels").body == changed.body)
                #expect(try await front.client.get("/api/v1/quests").text.contains(changed.text))
            }
        }
    }
}
