import Domain
import Foundation
import Identity
import Postgres
import Redis
import Storage
import Streams
import TestSupport
import Testing

@testable import HTTPFront

@Suite("Keys, bans and the audit log over HTTP")
struct AccessTests {
    private func isIn(_ client: Client) async throws -> Bool {
        try await client.get("/api/v1/users/me").status == 200
    }

    @Test("A key is shown once, works at once here, is listed without itself, and is refused once revoked")
    func keys() async throws {
        try await TestFront.with { front in
            let other = try await front.another()
            let admin = try await front.admin()
            let made = try await admin.send("POST", "/api/v1/api-keys", json: ["name": "game \"1\""])
            #expect(made.status == 201 && made.headers["cache-control"] == "no-store")
            let key = try #require(made.json["key"]?.string)
            let id = try #require(made.json["key_id"]?.string)
            let path = "/api/v1/users/\(Identifier.random())/claims"
            let here = Client(base: front.base, headers: ["X-API-Key": key])
            let there = Client(base: other.base, headers: ["X-API-Key": key])
            #expect(try await here.get(path).status == 200)
            try await eventually("the other front knows it", within: .seconds(5)) {
                try await there.get(path).status == 200
            }
            let list = try await admin.get("/api/v1/api-keys")
            #expect(!list.text.contains(key) && !list.text.contains("hash"))
            #expect(list.data.count == 2 && list.data.allSatisfy { $0["key"] == nil && $0["revoked_at"] == .null })
            let me = try await admin.get("/api/v1/users/me").json["user_id"]
            #expect(list.data.first { $0["key_id"]?.string == id }?["created_by"] == me)
            // In pages.
            let first = try await admin.get("/api/v1/api-keys?limit=1")
            let cursor = try #require(first.json["next_cursor"]?.string)
            let second = try await admin.get("/api/v1/api-keys?limit=1&cursor=\(cursor)")
            #expect(first.data + second.data == list.data && second.json["next_cursor"] == .null)
            let stored = try await front.database.client.query("SELECT encode(key_hash, 'hex') FROM auth.api_keys")
            #expect(try stored.allSatisfy { try !key.contains($0.decode(0, as: String.self)) })
            for _ in 0..<2 { #expect(try await admin.send("DELETE", "/api/v1/api-keys/\(id)").status == 204) }
            #expect(try await here.get(path).status == 401)
            try await eventually("the other front refuses it", within: .seconds(5)) {
                try await there.get(path).status == 401
            }
            #expect(try await admin.get("/api/v1/api-keys").data.filter { $0["revoked_at"] != .null }.count == 1)
            for path in ["/api/v1/api-keys/\(Identifier.random())", "/api/v1/api-keys/x"] {
                #expect(try await admin.send("DELETE", path).problem == "not-found")
            }
            let wrong = try await admin.send("POST", "/api/v1/api-keys", json: ["name": " ", "role": "admin"])
            #expect(wrong.pointers == ["/name", "/role"])
            let rows = try await admin.get("/api/v1/audit?subject=\(id)").data
            #expect(rows.map { $0["action"] } == ["api-key.revoke", "api-key.create"])
            #expect(rows.allSatisfy { $0["actor"] == "admin" && $0["actor_id"] == me })
            #expect(!(try await admin.get("/api/v1/audit").text.contains(key)))
            await other.stop()
        }
    }

    @Test("Neither players nor keys come near keys and the audit log")
    func strangers() async throws {
        try await TestFront.with { front in
            _ = try await front.signUp("Ann")
            for client in [try await front.signIn("Ann"), front.key] {
                for path in ["/api/v1/api-keys", "/api/v1/audit"] {
                    #expect(try await client.get(path).problem == "forbidden")
                }
                #expect(try await client.send("POST", "/api/v1/api-keys", json: ["name": "x"]).problem == "forbidden")
                #expect(
                    try await client.send("DELETE", "/api/v1/api-keys/\(Identifier.random())").problem == "forbidden")
            }
            #expect(try await front.client.get("/api/v1/audit").status == 401)
        }
    }

    @Test("What admins and people do is in the audit log, newest first, in pages, by any filter")
    func audit() async throws {
        try await TestFront.with { front in
            let id = try await front.signUp("Ann")
            let admin = try await front.admin()
            let named = Client(base: front.base, headers: admin.headers.merging(["X-Request-Id": "my-id-1"]) { $1 })
            _ = try await named.send("POST", "/api/v1/users", json: ["user_name": "Bob", "password": "password 1"])
            _ = try await admin.send("PATCH", "/api/v1/users/\(id)", json: ["status": .integer(2), "role": "admin"])
            _ = try await admin.send("PATCH", "/api/v1/users/\(id)", json: ["status": .integer(1), "role": "player"])
            let ann = try await front.signIn("Ann")
            _ = try await ann.send(
                "PUT", "/api/v1/users/me/password",
                json: ["current_password": "password 1", "new_password": "password 2"])
            let failed = try await front.client.signIn("Ann", "wrong one")
            #expect(failed.status == 400, "\(failed)")
            let rows = try await admin.get("/api/v1/audit").data
            try #require(rows.count >= 6)
            #expect(
                rows.compactMap { $0["action"]?.string }.prefix(6) == [
                    "user.password", "user.role", "user.unban", "user.role", "user.ban", "user.create",
                ])
            #expect(rows.first?["actor"] == "Ann" && rows.first?["subject"] == JSON(id))
            #expect(rows[4]["details"] == ["after": .integer(2), "before": .integer(0)])
            #expect(rows[5]["request_id"] == "my-id-1" && rows[5]["details"]?["user_name"] == "Bob")
            #expect(!(try await admin.get("/api/v1/audit").text.contains("password 2")))
            var (seen, cursor): ([JSON], String?) = ([], nil)
            repeat {
                let page = try await admin.get("/api/v1/audit?limit=2" + (cursor.map { "&cursor=\($0)" } ?? ""))
                seen += page.data
                cursor = page.json["next_cursor"]?.string
            } while cursor != nil
            #expect(seen == rows)
            #expect(try await admin.get("/api/v1/audit?actor_id=\(id)").data == [rows[0]])
            #expect(try await admin.get("/api/v1/audit?action=user.role&subject=\(id)").data == [rows[1], rows[3]])
            let moment = try #require(rows[3]["created_at"]?.string)
            let since = try await admin.get("/api/v1/audit?from=\(moment)").data
            #expect(since.count < rows.count && since.contains(rows[3]))
            #expect(try await admin.get("/api/v1/audit?before=1999-01-01T00:00:00Z").data.isEmpty)
            for query in ["actor_id=x", "from=yesterday", "before=", "action=", "subject=%00", "cursor=x", "limit=0"] {
                #expect(try await admin.get("/api/v1/audit?\(query)").problem == "malformed-request", "\(query)")
            }
        }
    }

    @Test("Dead letters that an admin retries or drops are written down, before Redis is touched")
    func letters() async throws {
        try await TestFront.with { front in
            let admin = try await front.admin()
            var ids: [String] = []
            for _ in 0..<2 {
                let reply = try await front.redis.client.send([
                    "XADD", front.keys.deadLetters, "*", "user_id", "nobody", "source", front.keys.signIns, "source_id",
                    "1-1", "error", "user_id is not a UUID", "deliveries", "1", "failed_at", "2026-11-23T08:00:00.000Z",
                ])
                ids.append(try #require(reply.string))
            }
            let retried = try await admin.send(
                "POST", "/api/v1/dead-letters/\(ids[0])/retry",
                json: ["set": ["user_id": JSON(Identifier.random())]])
            #expect(retried.status == 200)
            #expect(try await admin.send("DELETE", "/api/v1/dead-letters/\(ids[1])").status == 204)
            #expect(try await admin.send("DELETE", "/api/v1/dead-letters/\(ids[1])").status == 404)
            let rows = try await admin.get("/api/v1/audit?limit=2").data
            try #require(rows.count == 2)
            #expect(rows.map { $0["action"] } == ["dead-letter.drop", "dead-letter.retry"])
            #expect(rows.map { $0["subject"]?.string } == [ids[1], ids[0]])
            #expect(rows[0]["details"]?["fields"]?["user_id"] == "nobody")
            #expect(rows[1]["details"]?["set"]?["user_id"] != nil)
        }
    }

    @Test("A ban counts at once here, within five seconds elsewhere, and no flush of Redis lifts it")
    func bans() async throws {
        try await PrivateRedis.with { redis in
            let settings = ["REDIS_URL": redis.url, "CACHE_REDIS_URL": redis.url]
            try await TestFront.with(settings) { front in
                let other = try await front.another(settings)
                let (ann, bob) = (try await front.signUp("Ann"), try await front.signUp("Bob"))
                let clients = [try await front.signIn("Ann"), try await front.signIn("Bob")]
                let elsewhere = clients.map { Client(base: other.base, headers: $0.headers) }
                for client in clients + elsewhere { #expect(try await isIn(client)) }
                let admin = try await front.admin()
                let direct = RedisClient(try RedisConfiguration(url: redis.url), logger: TestLog.logger)
                #expect(
                    try await admin.send("PATCH", "/api/v1/users/\(ann)", json: ["status": .integer(2)]).status == 200)
                #expect(try await !isIn(clients[0]))
                _ = try await direct.send(["FLUSHALL"])
                try await eventually("the other front knows", within: .seconds(5)) { try await !isIn(elsewhere[0]) }
                // By hand, with nobody to give a hint, and Redis away.
                redis.kill()
                _ = try await front.database.client.query("UPDATE auth.users SET status = 2 WHERE user_id = \(bob)")
                try await eventually("both know", within: .seconds(5)) {
                    let (here, there) = (try await isIn(clients[1]), try await isIn(elsewhere[1]))
                    return !here && !there
                }
                try await redis.start()
                _ = try await direct.send(["FLUSHALL"])
                // A front that has just started knows as well.
                let third = try await front.another(settings)
                for client in clients {
                    #expect(try await !isIn(Client(base: third.base, headers: client.headers)))
                    #expect(try await !isIn(client))
                }
                await direct.close()
                await third.stop()
                await other.stop()
            }
        }
    }

    @Test("Another password ends all sessions, everywhere, and not the one that is begun right after")
    func password() async throws {
        try await TestFront.with { front in
            let other = try await front.another()
            _ = try await front.signUp("Ann")
            var password = "password 0"
            _ = try await front.signIn("Ann").send(
                "PUT", "/api/v1/users/me/password",
                json: ["current_password": "password 1", "new_password": .string(password)])
            for round in 1...10 {
                let sessions = [
                    try await front.signIn("Ann", password: password),
                    try await front.signIn("Ann", password: password),
                ]
                let next = "password \(round)"
                let changed = try await sessions[0].send(
                    "PUT", "/api/v1/users/me/password",
                    json: ["current_password": .string(password), "new_password": .string(next)])
                #expect(changed.status == 204)
                // At once, in the same millisecond if it can be.
                let new = try await front.signIn("Ann", password: next)
                #expect(try await isIn(new))
                for session in sessions { #expect(try await !isIn(session)) }
                try await eventually("the other front knows", within: .seconds(5)) {
                    try await !isIn(Client(base: other.base, headers: sessions[1].headers))
                }
                #expect(try await isIn(Client(base: other.base, headers: new.headers)))
                #expect(try await front.client.signIn("Ann", password).status == 400)
                password = next
            }
            await other.stop()
        }
    }

    @Test("A sign-in that read the account before a ban is refused, though its token comes after the ban was lifted")
    func overtaken() async throws {
        try await TestFront.with { front in
            let id = try await front.signUp("Ann")
            let users = Users(front.database.client)
            let before = try #require(try await users.user(id)).tokensValidFrom
            let admin = try await front.admin()
            for status in [2, 1] as [Int64] {
                _ = try await admin.send("PATCH", "/api/v1/users/\(id)", json: ["status": .integer(status)])
            }
            // By a front whose clock is a minute ahead, and by one whose clock is behind.
            let tokens = await Tokens(secret: FrontSettings.localTokenSecret)
            for difference: Int64 in [60, -60] {
                let at = Timestamp.now.advanced(bySeconds: difference)
                func client(_ validFrom: Timestamp) async throws -> Client {
                    let token = try await tokens.issue(
                        for: id, tokenID: .timeOrdered(at: at), role: .player, accountValidFrom: validFrom)
                    return Client(base: front.base, headers: ["Authorization": "Bearer \(token)"])
                }
                #expect(try await !isIn(client(before)))
                let now = try #require(try await users.user(id)).tokensValidFrom
                #expect(try await isIn(client(now)))
                #expect(try await client(before).send("POST", "/api/v1/login/test-token").status == 401)
            }
        }
    }

    @Test("A banned person with the right password is answered, and counted, like one with a wrong password")
    func bannedSignIn() async throws {
        try await TestFront.with { front in
            let id = try await front.signUp("Ann")
            _ = try await Users(front.database.client).change(id, banned: true, by: .commandLine)
            for left in [49, 48] {
                let answer = try await front.client.signIn("Ann", "password 1")
                #expect(answer.status == 400 && answer.json["error"] == "invalid_grant")
                #expect(answer.headers["ratelimit"]?.hasPrefix("\"sign-in-address\";r=\(left);") == true)
            }
        }
    }

    @Test("Accounts are listed by the beginning of their names")
    func names() async throws {
        try await TestFront.with { front in
            for name in ["Ann", "Anna", "Bob"] { _ = try await front.signUp(name) }
            let admin = try await front.admin()
            let page = try await admin.get("/api/v1/users/?user_name=Ann&limit=1")
            #expect(page.json["count"] == .integer(2) && page.data.count == 1)
            let cursor = try #require(page.json["next_cursor"]?.string)
            #expect(try await admin.get("/api/v1/users/?user_name=Ann&cursor=\(cursor)").data.count == 1)
            #expect(try await admin.get("/api/v1/users/?user_name=%00").problem == "malformed-request")
        }
    }
}
