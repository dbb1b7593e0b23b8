import Testing

@testable import HTTPFront

@Suite("What any request may be answered")
struct RequestTests {
    @Test("Unknown paths are 404, wrong methods 405 with what is allowed, both as problems")
    func routing() async throws {
        try await TestFront.with { front in
            let missing = try await front.client.get("/api/v1/nowhere")
            #expect(missing.status == 404)
            #expect(missing.problem == "not-found")
            let wrong = try await front.client.send("DELETE", "/api/v1/quests/")
            #expect(wrong.status == 405)
            #expect(wrong.problem == "method-not-allowed")
            #expect(wrong.headers["allow"] == "GET, HEAD, OPTIONS, POST")
            #expect(try await front.client.get("/api/v1/login/access-token").headers["allow"] == "OPTIONS, POST")
            #expect(try await front.client.send("HEAD", "/api/v1/quests").status == 200)
            let asked = try await front.client.send("OPTIONS", "/api/v1/quests/")
            #expect(asked.status == 204 && asked.headers["allow"] == "GET, HEAD, OPTIONS, POST")
        }
    }

    @Test("A trailing slash is optional; health and the page answer without anybody signed in")
    func publicRoutes() async throws {
        try await TestFront.with { front in
            for path in ["/api/v1/utils/health-check/", "/api/v1/utils/health-check"] {
                let answer = try await front.client.get(path)
                #expect(answer.status == 200)
                #expect(answer.text == "true")
            }
            for path in ["/livez", "/readyz", "/", "/console", "/assets/docs.css", "/assets/icon.svg"] {
                #expect(try await front.client.get(path).status == 200, "\(path)")
            }
        }
    }

    @Test("Every answer has a request id and the security headers; a page allows itself and nothing inline")
    func headers() async throws {
        try await TestFront.with { front in
            for path in ["/", "/api/v1/quests", "/api/v1/nowhere"] {
                let answer = try await front.client.get(path, ["X-Request-Id": "my-id-1"])
                #expect(answer.headers["x-request-id"] == "my-id-1")
                #expect(answer.headers["x-content-type-options"] == "nosniff")
                #expect(answer.headers["cross-origin-resource-policy"] == "same-origin")
                #expect(answer.headers["date"]?.hasSuffix(" GMT") == true)
                // What a page may do is said to pages.
                let isPage = path == "/"
                #expect(answer.headers["referrer-policy"] == (isPage ? "no-referrer" : nil))
                for name in ["cross-origin-opener-policy", "permissions-policy", "x-frame-options"] {
                    #expect((answer.headers[name] != nil) == isPage, "\(name) of \(path)")
                }
                let policy = try #require(answer.headers["content-security-policy"])
                #expect(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"))
                #expect(!policy.contains("unsafe"))
            }
            let odd = try await front.client.get("/livez", ["X-Request-Id": "has blanks and <tags>"])
            #expect(odd.headers["x-request-id"]?.contains("<") == false)
            let page = try await front.client.get("/").text
            #expect(!page.contains("<style") && !page.contains("<script>") && !page.contains("onclick"))
        }
    }

    @Test("Pages and lists that have not changed are not sent again")
    func entityTags() async throws {
        try await TestFront.with { front in
            for path in ["/", "/api/v1/quests/", "/api/v1/rewards/"] {
                let first = try await front.client.get(path)
                let tag = try #require(first.headers["etag"])
                let second = try await front.client.get(path, ["If-None-Match": "\"other\", W/\(tag)"])
                #expect(second.status == 304)
                #expect(second.body.isEmpty)
                #expect((second.headers["x-frame-options"] != nil) == (path == "/"))
                #expect(second.headers["x-content-type-options"] == "nosniff")
                #expect(try await front.client.get(path, ["If-None-Match": "\"other\""]).status == 200)
            }
        }
    }

    @Test("Quests and rewards are read by id and by name")
    func catalog() async throws {
        try await TestFront.with { front in
            let list = try await front.client.get("/api/v1/quests")
            let quest = try #require(list.data.first)
            #expect(quest["name"] == "UserSignIn" && quest["streak"] == .integer(3))
            let id = try #require(quest["quest_id"]?.string)
            let reward = try #require(quest["reward_id"]?.string)
            #expect(try await front.client.get("/api/v1/quests/\(id)").json == quest)
            #expect(try await front.client.get("/api/v1/quests/name/UserSignIn").json == quest)
            #expect(try await front.client.get("/api/v1/quests/name/User%53ignIn/").json == quest)
            let found = try await front.client.get("/api/v1/rewards/\(reward)").json
            #expect(found["reward_item"] == "diamond" && found["reward_qty"] == .integer(10))
            for path in [
                "quests/x", "quests/\(reward)", "quests/name/nope", "quests/name/%00", "quests/name/%ff", "rewards/x",
            ] {
                #expect(try await front.client.get("/api/v1/\(path)").problem == "not-found", "\(path)")
            }
        }
    }

    @Test("Bodies that cannot be read: malformed, too large, of another type")
    func bodies() async throws {
        try await TestFront.with { front in
            let path = "/api/v1/users/signup"
            let json = ["Content-Type": "application/json"]
            let malformed = try await front.client.send("POST", path, json, body: Array("{\"user_name\":".utf8))
            #expect(malformed.status == 400 && malformed.problem == "malformed-request")
            let type = try await front.client.send("POST", path, ["Content-Type": "text/plain"], body: Array("{}".utf8))
            #expect(type.status == 415 && type.problem == "unsupported-media-type")
            let large = try await front.key.send(
                "POST", "/api/v1/sign-ins", json, body: [UInt8](repeating: 0x20, count: 2_000_000))
            #expect(large.status == 413 && large.problem == "too-large")
            let wrong = try await front.client.send("POST", path, json: ["user_name": .integer(5)])
            #expect(wrong.status == 422)
            #expect(wrong.pointers == ["/user_name", "/password"])
        }
    }

    @Test("Limits and cursors that no list gave out are refused")
    func paging() async throws {
        try await TestFront.with { front in
            for query in ["limit=0", "limit=101", "limit=x", "cursor=abc"] {
                let answer = try await front.client.get("/api/v1/quests?\(query)")
                #expect(answer.status == 400 && answer.problem == "malformed-request", "\(query)")
            }
        }
    }
}
