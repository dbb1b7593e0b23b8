import Domain
import Redis
import Storage
import Streams
import TestSupport
import Testing

@testable import HTTPFront

@Suite("Open pages")
struct LiveTests {
    private static let path = "/api/v1/users/me/live"

    @Test("A page gets the whole snapshot at once, and again when a worker or anybody else has changed something")
    func snapshots() async throws {
        try await TestFront.with { front in
            let id = try await front.signUp("Ann")
            let ann = try await front.signIn("Ann")
            let page = try EventReader(ann, LiveTests.path)
            try await eventually("the first snapshot is there") { page.snapshots.count == 1 }
            #expect(page.headers["content-type"] == "text/event-stream")
            #expect(page.headers["x-accel-buffering"] == "no")
            #expect(page.headers["cache-control"]?.contains("no-transform") == true)
            let first = try #require(page.snapshots.first)
            #expect(first.json["user"]?["user_name"] == "Ann" && first.json["progress"] == [])
            // As a worker does: the claim, then the hint.
            let completion = LiveTests.completion(of: id)
            _ = try await Claims(front.database.client).store([completion])
            try await Changes(front.redis.client, keys: front.keys).announce(.people([id]))
            try await eventually("the claim is seen", within: .seconds(3)) {
                page.snapshots.last?.json["claim_counts"]?[completion.questID.description] == .integer(1)
            }
            let claim = "/api/v1/users/me/claims/\(completion.id)/claim"
            #expect(try await ann.send("POST", claim).status == 200)
            try await eventually("the diamonds are seen", within: .seconds(3)) {
                page.snapshots.last?.json["user"]?["diamond"] == .integer(10)
            }
            #expect(Set(page.snapshots.compactMap(\.id)).count == page.snapshots.count)
            page.close()
        }
    }

    @Test("Who comes back with the version they have gets nothing before there is another one, at any front")
    func versions() async throws {
        try await TestFront.with { front in
            _ = try await front.signUp("Ann")
            let ann = try await front.signIn("Ann")
            let one = try EventReader(ann, LiveTests.path)
            try await eventually("a snapshot is there") { one.snapshots.count == 1 }
            let other = try await front.another()
            let elsewhere = Client(base: other.base, headers: ann.headers)
            let fresh = try EventReader(elsewhere, LiveTests.path)
            try await eventually("the other front has read it") { fresh.snapshots.count == 1 }
            #expect(fresh.snapshots.last?.id == one.snapshots.last?.id)
            let version = try #require(one.snapshots.last?.id)
            let back = try EventReader(elsewhere, LiveTests.path, ["Last-Event-ID": version])
            try await eventually("it is open") { back.status == 200 }
            // The reading that one more page brings about reaches both.
            let later = try EventReader(elsewhere, LiveTests.path)
            try await eventually("a further page has been told") { later.snapshots.count == 1 }
            let me = try #require(fresh.snapshots.last?.json["user"]?["user_id"]?.string)
            let spend: JSON = [
                "kind": "correction", "ref": "a gift", "item": "gold", "amount": .integer(5), "note": "for the test",
            ]
            #expect(try await front.key.send("POST", "/api/v1/users/\(me)/wallet/entries", json: spend).status == 201)
            try await eventually("all see the gold, whichever front was told", within: .seconds(5)) {
                [one, fresh, back, later].allSatisfy { $0.snapshots.last?.json["user"]?["gold"] == .integer(5) }
            }
            #expect(back.snapshots.count == 1)
            for page in [one, fresh, back, later] { page.close() }
            await other.stop()
        }
    }

    @Test("A stream ends when its session does, here and at another front, and when the account is banned")
    func endings() async throws {
        try await TestFront.with { front in
            let id = try await front.signUp("Ann")
            let other = try await front.another()
            let (ann, second) = (try await front.signIn("Ann"), try await front.signIn("Ann"))
            let here = try EventReader(ann, LiveTests.path)
            let there = try EventReader(Client(base: other.base, headers: ann.headers), LiveTests.path)
            let stays = try EventReader(second, LiveTests.path)
            try await eventually("all are open") { [here, there, stays].allSatisfy { !$0.snapshots.isEmpty } }
            #expect(try await ann.send("POST", "/api/v1/logout").status == 204)
            try await eventually("both have ended", within: .seconds(5)) {
                [here, there].allSatisfy { $0.events.last?.name == "signed-out" && $0.isOver }
            }
            #expect(!stays.isOver)
            let ban = try await front.admin().send("PATCH", "/api/v1/users/\(id)", json: ["status": .integer(2)])
            #expect(ban.status == 200)
            try await eventually("the third has ended") { stays.events.last?.name == "signed-out" && stays.isOver }
            await other.stop()
        }
    }

    @Test("A person has so many streams, of which the oldest makes room; a front has so many, and says so")
    func limits() async throws {
        let settings = ["QUESTLINE_LIVE_LIMIT": "4", "QUESTLINE_LIVE_PER_PERSON": "2"]
        try await TestFront.with(settings) { front in
            for name in ["Ann", "Bob", "Cid"] { _ = try await front.signUp(name) }
            let ann = try await front.signIn("Ann")
            var pages: [EventReader] = []
            for _ in 0..<3 {
                let page = try EventReader(ann, LiveTests.path)
                try await eventually("it is open") { !page.snapshots.isEmpty }
                pages.append(page)
            }
            try await eventually("the first has made room") {
                pages[0].events.last?.name == "replaced" && pages[0].isOver
            }
            #expect(!pages[1].isOver && !pages[2].isOver)
            let bob = try await front.signIn("Bob")
            for _ in 0..<2 {
                let page = try EventReader(bob, LiveTests.path)
                try await eventually("it is open") { !page.snapshots.isEmpty }
                pages.append(page)
            }
            let full = try await front.signIn("Cid").get(LiveTests.path)
            #expect(full.status == 503 && full.problem == "unavailable" && full.headers["retry-after"] == "5")
            for page in pages { page.close() }
        }
    }

    @Test("A front that stops ends its streams politely, and stops at once")
    func draining() async throws {
        try await TestFront.with { front in
            _ = try await front.signUp("Ann")
            let ann = try await front.signIn("Ann")
            let other = try await front.another()
            let page = try EventReader(Client(base: other.base, headers: ann.headers), LiveTests.path)
            try await eventually("it is open") { !page.snapshots.isEmpty }
            await other.stop()
            try await eventually("it was told why") { page.events.last?.name == "stopping" && page.isOver }
        }
    }

    @Test("An admin follows anybody, others only themselves")
    func audience() async throws {
        try await TestFront.with { front in
            let id = try await front.signUp("Ann")
            _ = try await front.signUp("Bob")
            let admin = try EventReader(try await front.admin(), "/api/v1/users/\(id)/live")
            try await eventually("the admin sees Ann") { admin.snapshots.last?.json["user"]?["user_name"] == "Ann" }
            admin.close()
            #expect(try await front.signIn("Bob").get("/api/v1/users/\(id)/live").status == 403)
            #expect(try await front.key.get("/api/v1/users/\(id)/live").status == 403)
        }
    }

    private static func completion(of id: Identifier) -> Completion {
        Completion(
            id: .random(), userID: id, questID: .random(), ordinal: 1, rewardItem: .diamond, rewardQuantity: 10,
            autoClaim: false,
            catalogRevision: 1, causeID: .random(), occurredAt: .now)
    }
}
