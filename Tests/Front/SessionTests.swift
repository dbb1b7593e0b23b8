import Domain
import Redis
import Streams
import TestSupport
import Testing

@testable import HTTPFront

@Suite("Signing out, bans and passwords")
struct SessionTests {
    @Test("Signing out refuses the token at once, here and soon on another front, even after a flush of Redis")
    func signOut() async throws {
        try await TestFront.with { front in
            _ = try await front.signUp("Ann")
            let other = try await front.another()
            let (one, two) = (try await front.signIn("Ann"), try await front.signIn("Ann"))
            let elsewhere = Client(base: other.base, headers: one.headers)
            #expect(try await elsewhere.get("/api/v1/users/me").status == 200)
            #expect(try await one.send("POST", "/api/v1/login/test-token").json["user_name"] == "Ann")
            #expect(try await one.send("POST", "/api/v1/logout").status == 204)
            #expect(try await one.get("/api/v1/users/me").status == 401)
            #expect(try await two.get("/api/v1/users/me").status == 200)
            try await eventually("the other front knows", within: .seconds(5)) {
                try await elsewhere.get("/api/v1/users/me").status == 401
            }
            _ = try await front.redis.client.send(["DEL", front.keys.signIns])
            // The other session's end shows that the other front has read everything again since.
            #expect(try await two.send("POST", "/api/v1/logout").status == 204)
            let secondElsewhere = Client(base: other.base, headers: two.headers)
            try await eventually("the other front has read again", within: .seconds(5)) {
                try await secondElsewhere.get("/api/v1/users/me").status == 401
            }
            #expect(try await elsewhere.get("/api/v1/users/me").status == 401)
            await other.stop()
        }
    }

    @Test("A ban ends sessions and refuses sign-ins as if the password were wrong; lifting it lets people in again")
    func ban() async throws {
        try await TestFront.with { front in
            let id = try await front.signUp("Ann")
            let (ann, admin) = (try await front.signIn("Ann"), try await front.admin())
            let banned = try await admin.send("PATCH", "/api/v1/users/\(id)", json: ["status": .integer(2)])
            #expect(banned.json["status"] == .integer(2))
            #expect(try await ann.get("/api/v1/users/me").status == 401)
            let refused = try await front.client.signIn("Ann", "password 1")
            #expect(refused.status == 400 && refused.json["error"] == "invalid_grant")
            #expect(
                try await admin.send("PATCH", "/api/v1/users/\(id)", json: ["status": .integer(1)]).json["status"]
                    == .integer(1))
            #expect(try await front.signIn("Ann").get("/api/v1/users/me").status == 200)
            let wrong = try await admin.send(
                "PATCH", "/api/v1/users/\(id)", json: ["status": .integer(7), "role": "king", "gold": .integer(1)])
            #expect(wrong.pointers == ["/status", "/role", "/gold"])
            #expect(
                try await admin.send("PATCH", "/api/v1/users/me", json: ["status": .integer(2)]).problem
                    == "own-account")
        }
    }

    @Test("A role is given and taken away; tokens of the role before are refused")
    func roles() async throws {
        try await TestFront.with { front in
            let id = try await front.signUp("Ann")
            let admin = try await front.admin()
            #expect(
                try await admin.send("PATCH", "/api/v1/users/\(id)", json: ["role": "admin"]).json["role"] == "admin")
            let ann = try await front.signIn("Ann")
            #expect(try await ann.get("/api/v1/users/").status == 200)
            _ = try await admin.send("PATCH", "/api/v1/users/\(id)", json: ["role": "player"])
            #expect(try await ann.get("/api/v1/users/").status == 401)
            #expect(try await front.signIn("Ann").get("/api/v1/users/").status == 403)
        }
    }

    @Test("A new password needs the old one, and ends every session")
    func password() async throws {
        try await TestFront.with { front in
            _ = try await front.signUp("Ann")
            let ann = try await front.signIn("Ann")
            let path = "/api/v1/users/me/password"
            let wrong = try await ann.send(
                "PUT", path, json: ["current_password": "nope", "new_password": "password 2"])
            #expect(wrong.status == 422 && wrong.pointers == ["/current_password"])
            let short = try await ann.send("PUT", path, json: ["current_password": "password 1", "new_password": "x"])
            #expect(short.pointers == ["/new_password"])
            let set = try await ann.send(
                "PUT", path, json: ["current_password": "password 1", "new_password": "password 2"])
            #expect(set.status == 204)
            #expect(try await ann.get("/api/v1/users/me").status == 401)
            #expect(try await front.client.signIn("Ann", "password 1").status == 400)
            #expect(try await front.signIn("Ann", password: "password 2").get("/api/v1/users/me").status == 200)
        }
    }

    @Test("Too many guesses at a name wait, the right password as well; too many sign-ups from an address wait")
    func limits() async throws {
        let settings = ["QUESTLINE_FAILED_SIGN_INS_PER_NAME": "3", "QUESTLINE_SIGN_UPS_PER_HOUR": "2"]
        try await TestFront.with(settings) { front in
            _ = try await front.signUp("Ann")
            for _ in 0..<3 { #expect(try await front.client.signIn("Ann", "wrong one").status == 400) }
            let waiting = try await front.client.signIn("Ann", "password 1")
            #expect(waiting.status == 429)
            #expect(waiting.headers["retry-after"].flatMap { Int($0) } ?? 0 > 0)
            #expect(waiting.json["error"] == "temporarily_unavailable")
            _ = try await front.signUp("Bob")
            let third = try await front.client.send(
                "POST", "/api/v1/users/signup", json: ["user_name": "Cid", "password": "password 1"])
            #expect(third.status == 429 && third.problem == "too-many-attempts")
            #expect(third.headers["retry-after"] != nil)
        }
    }
}
