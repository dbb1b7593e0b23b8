import Domain
import TestSupport
import Testing

@testable import HTTPFront

@Suite("The session of pages")
struct SessionCookieTests {
    private static let ann: JSON = ["user_name": "Ann", "password": "password 1"]

    @Test(
        "The cookie is for this address alone, no script reads it, and it is Secure if our own proxy tells of https"
    )
    func cookie() async throws {
        try await TestFront.with(["QUESTLINE_PROXIES": "127.0.0.1"]) { front in
            _ = try await front.signUp("Ann")
            let plain = try await front.client.send("POST", "/api/v1/session", json: SessionCookieTests.ann)
            #expect(plain.json["user_name"] == "Ann" && !plain.text.contains("ey"))
            let set = try #require(plain.headers["set-cookie"])
            #expect(set.hasPrefix("questline=ey"))
            #expect(set.hasSuffix("; Path=/; Max-Age=28800; HttpOnly; SameSite=Strict"))
            let secure = try await front.client.send(
                "POST", "/api/v1/session", ["X-Forwarded-Proto": "https"], json: SessionCookieTests.ann)
            let settled = try #require(secure.headers["set-cookie"])
            #expect(settled.hasPrefix("__Host-questline=ey"))
            #expect(settled.hasSuffix("; HttpOnly; SameSite=Strict; Secure"))
            let page = Client(base: front.base, headers: ["Cookie": String(settled.prefix { $0 != ";" })])
            #expect(try await page.get("/api/v1/users/me").json["user_name"] == "Ann")
        }
        try await TestFront.with { front in
            _ = try await front.signUp("Ann")
            let claimed = try await front.client.send(
                "POST", "/api/v1/session", ["X-Forwarded-Proto": "https"], json: SessionCookieTests.ann)
            #expect(claimed.headers["set-cookie"]?.hasPrefix("questline=") == true)
        }
    }

    @Test("A session is a sign-in, tells whose it is, and ends everywhere when it is deleted")
    func life() async throws {
        try await TestFront.with { front in
            let id = try await front.signUp("Ann")
            let begun = try await front.client.send("POST", "/api/v1/session", json: SessionCookieTests.ann)
            // A first sign-in is in the outbox before it is published.
            try await eventually("the sign-in is published") { try await front.published().map(\.userID) == [id] }
            let token = try #require(begun.headers["set-cookie"]?.dropFirst("questline=".count).prefix { $0 != ";" })
            let page = Client(base: front.base, headers: ["Cookie": "questline=\(token)", "Origin": front.base])
            #expect(try await page.get("/api/v1/session").json["user"]?["user_id"] == JSON(id))
            let ended = try await page.send("DELETE", "/api/v1/session")
            #expect(ended.status == 204)
            #expect(ended.headers["set-cookie"]?.hasPrefix("questline=; Path=/; Max-Age=0;") == true)
            #expect(try await page.get("/api/v1/session").json["user"] == .null)
            #expect(try await page.get("/api/v1/users/me").status == 401)
            let bearer = Client(base: front.base, headers: ["Authorization": "Bearer \(token)"])
            #expect(try await bearer.get("/api/v1/users/me").status == 401)
            #expect(try await page.send("DELETE", "/api/v1/session").status == 204)
        }
    }

    @Test("Signing in as somebody else ends the session before")
    func exchange() async throws {
        try await TestFront.with { front in
            for name in ["Ann", "Bob"] { _ = try await front.signUp(name) }
            let first = try await front.client.send("POST", "/api/v1/session", json: SessionCookieTests.ann)
            let cookie = try #require(first.headers["set-cookie"]).prefix { $0 != ";" }
            let page = Client(base: front.base, headers: ["Cookie": String(cookie), "Origin": front.base])
            let second = try await page.send(
                "POST", "/api/v1/session", json: ["user_name": "Bob", "password": "password 1"])
            #expect(second.json["user_name"] == "Bob")
            #expect(try await page.get("/api/v1/users/me").status == 401)
        }
    }

    @Test("A wrong password is told apart from a session that has ended, and limits hold here as at the token endpoint")
    func refusals() async throws {
        try await TestFront.with(["QUESTLINE_FAILED_SIGN_INS_PER_NAME": "2"]) { front in
            _ = try await front.signUp("Ann")
            let wrong: JSON = ["user_name": "Ann", "password": "wrong one"]
            for _ in 0..<2 {
                let answer = try await front.client.send("POST", "/api/v1/session", json: wrong)
                #expect(answer.status == 401 && answer.problem == "wrong-credentials")
            }
            let waiting = try await front.client.send("POST", "/api/v1/session", json: SessionCookieTests.ann)
            #expect(waiting.status == 429 && waiting.headers["set-cookie"] == nil)
            #expect(try await front.client.signIn("Ann", "password 1").status == 429)
            let none = try await front.client.send("POST", "/api/v1/session", json: [:])
            #expect(none.pointers == ["/user_name", "/password"])
        }
    }

    @Test("By cookie only this very address changes anything; a header needs no origin")
    func origins() async throws {
        try await TestFront.with { front in
            _ = try await front.signUp("Ann")
            let begun = try await front.client.send("POST", "/api/v1/session", json: SessionCookieTests.ann)
            let cookie = String(try #require(begun.headers["set-cookie"]).prefix { $0 != ";" })
            let port = front.base.split(separator: ":").last ?? ""
            let page = Client(base: front.base, headers: ["Cookie": cookie])
            for origin in [
                "https://elsewhere.example", "null", "http://127.0.0.1", "http://127.0.0.1:1", "127.0.0.1:\(port)",
                "ftp://127.0.0.1:\(port)", "\(front.base)/", "\(front.base).example", "http://localhost:\(port)", "",
            ] {
                let answer = try await page.send("POST", "/api/v1/logout", ["Origin": origin])
                #expect(answer.problem == "forbidden", "\(origin)")
                let session = try await page.send("DELETE", "/api/v1/session", ["Origin": origin])
                #expect(session.problem == "forbidden", "\(origin)")
                let begin = try await page.send(
                    "POST", "/api/v1/session", ["Origin": origin], json: SessionCookieTests.ann)
                #expect(begin.problem == "forbidden" && begin.headers["set-cookie"] == nil, "\(origin)")
            }
            #expect(try await page.get("/api/v1/users/me", ["Origin": "null"]).status == 200)
            let token = cookie.dropFirst("questline=".count)
            let bearer = ["Authorization": "Bearer \(token)", "Origin": "https://elsewhere.example"]
            #expect(try await page.send("POST", "/api/v1/login/test-token", bearer).status == 200)
            #expect(try await page.send("POST", "/api/v1/logout", ["Origin": front.base]).status == 204)
        }
    }
}
