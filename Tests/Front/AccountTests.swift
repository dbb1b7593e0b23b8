import Domain
import Identity
import Storage
import TestSupport
import Testing

@testable import HTTPFront

@Suite("Accounts over HTTP")
struct AccountTests {
    @Test("Signing up gives a new player with nothing, whatever else is asked for")
    func signUp() async throws {
        try await TestFront.with { front in
            let answer = try await front.client.send(
                "POST", "/api/v1/users/signup",
                json: [
                    "user_name": "Ann", "password": "password 1", "gold": .integer(99), "diamond": .integer(99),
                    "role": "admin", "status": .integer(1),
                ])
            #expect(answer.status == 201)
            #expect(answer.json["gold"] == .integer(0) && answer.json["diamond"] == .integer(0))
            #expect(answer.json["role"] == "player" && answer.json["status"] == .integer(0))
            #expect(answer.headers["location"]?.hasPrefix("/api/v1/users/") == true)
            let taken = try await front.client.send(
                "POST", "/api/v1/users/signup", json: ["user_name": "Ann", "password": "password 2"])
            #expect(taken.status == 409 && taken.problem == "name-taken")
            let bad = try await front.client.send(
                "POST", "/api/v1/users/signup", json: ["user_name": "a\u{0}b", "password": "short"])
            #expect(bad.pointers == ["/user_name", "/password"])
        }
    }

    @Test("The token endpoint speaks OAuth, in its errors too")
    func tokenEndpoint() async throws {
        try await TestFront.with { front in
            _ = try await front.signUp("Ann")
            let path = "/api/v1/login/access-token"
            let good = try await front.client.form(path, "grant_type=password&username=Ann&password=password+1")
            #expect(good.status == 200)
            #expect(good.json["token_type"] == "bearer" && good.json["expires_in"] == .integer(28_800))
            #expect(good.headers["cache-control"] == "no-store")
            let cases = [
                ("username=Ann&password=wrong+one", "invalid_grant"), ("username=Nobody&password=x", "invalid_grant"),
                ("username=a%00b&password=x", "invalid_grant"), ("username=Ann", "invalid_request"),
                ("username=a%ff&password=x", "invalid_request"),
                ("username=Ann&username=B&password=x", "invalid_request"),
                ("grant_type=client_credentials&username=Ann&password=x", "unsupported_grant_type"),
                ("username=Ann&password=" + String(repeating: "x", count: 5_000), "invalid_grant"),
            ]
            for (form, error) in cases {
                let answer = try await front.client.form(path, form)
                #expect(answer.status == 400, "\(form.prefix(60))")
                #expect(answer.json["error"]?.string == error, "\(form.prefix(60))")
                #expect(answer.problem == nil)
            }
            #expect(try await front.client.send("POST", path, json: [:]).json["error"] == "invalid_request")
        }
    }

    @Test("The event of a sign-in has the token's id, and the first one is a first one")
    func events() async throws {
        try await TestFront.with { front in
            let id = try await front.signUp("Ann")
            let first = try await front.client.signIn("Ann", "password 1")
            let second = try await front.client.signIn("Ann", "password 1")
            try await eventuallyPublished(2, front)
            let tokens = await Tokens(secret: FrontSettings.localTokenSecret)
            var issued: [Identifier] = []
            for answer in [first, second] {
                issued.append(try await tokens.verify(answer.json["access_token"]?.string ?? "").tokenID)
            }
            let published = try await front.published()
            #expect(Set(published.map(\.id)) == Set(issued))
            #expect(published.allSatisfy { $0.userID == id })
            #expect(published.first { $0.id == issued[0] }?.type == .firstSignIn)
            #expect(published.first { $0.id == issued[1] }?.type == .signIn)
        }
    }

    @Test("Four first sign-ins at once are one first sign-in and three others")
    func race() async throws {
        try await TestFront.with { front in
            _ = try await front.signUp("Ann")
            try await withThrowingTaskGroup { group in
                for _ in 0..<4 {
                    group.addTask {
                        let answer = try await front.client.signIn("Ann", "password 1")
                        #expect(answer.status == 200)
                    }
                }
                try await group.waitForAll()
            }
            try await eventuallyPublished(4, front)
            let types = try await front.published().map(\.type)
            #expect(types.filter { $0 == .firstSignIn }.count == 1)
            #expect(types.filter { $0 == .signIn }.count == 3)
            try await eventually("the outbox is empty again") {
                try await SignInOutbox(front.database.client).unpublished() == 0
            }
        }
    }

    @Test("Sixteen people signing in at once hang nobody: health answers meanwhile")
    func manyAtOnce() async throws {
        try await TestFront.with(["QUESTLINE_HASH_MEMORY_KIB": "19456", "QUESTLINE_HASH_PASSES": "5"]) { front in
            _ = try await front.signUp("Ann")
            let signedIn = Locked(0)
            try await withThrowingTaskGroup { group in
                for _ in 0..<16 {
                    group.addTask {
                        let answer = try await front.client.signIn("Ann", "password 1")
                        #expect(answer.status == 200)
                        signedIn.withLock { $0 += 1 }
                    }
                }
                try await group.next()
                #expect(try await front.client.get("/api/v1/utils/health-check/").status == 200)
                #expect(signedIn.now < 16, "the check waits for no hash")
                try await group.waitForAll()
            }
        }
    }

    @Test("People see themselves, admins everybody, strangers and keys nobody")
    func whoSeesWhom() async throws {
        try await TestFront.with { front in
            let (ann, bob) = (try await front.signUp("Ann"), try await front.signUp("Bob"))
            let asAnn = try await front.signIn("Ann")
            let admin = try await front.admin()
            #expect(try await asAnn.get("/api/v1/users/me").json["user_name"] == "Ann")
            #expect(try await asAnn.get("/api/v1/users/\(ann)").status == 200)
            #expect(try await asAnn.get("/api/v1/users/\(bob)").problem == "forbidden")
            #expect(try await asAnn.get("/api/v1/users/").problem == "forbidden")
            #expect(try await asAnn.get("/api/v1/users/\(bob)/claims").problem == "forbidden")
            #expect(try await admin.get("/api/v1/users/\(bob)").json["user_name"] == "Bob")
            #expect(try await front.key.get("/api/v1/users/\(bob)").problem == "forbidden")
            #expect(try await front.key.get("/api/v1/users/\(bob)/claims").status == 200)
            #expect(try await admin.get("/api/v1/users/\(Identifier.random())").problem == "not-found")
            let nobody = try await front.client.get("/api/v1/users/me")
            #expect(nobody.status == 401)
            #expect(nobody.headers["www-authenticate"]?.hasPrefix("Bearer") == true)
            for header in ["Bearer", "Bearer x", "Basic YTpi", "Bearer a.b.c"] {
                #expect(try await front.client.get("/api/v1/users/me", ["Authorization": header]).status == 401)
            }
            // A key that is not known is not helped by a token that is.
            #expect(try await asAnn.get("/api/v1/users/me", ["X-API-Key": "not a key that is known"]).status == 401)
        }
    }

    @Test("Admins list people page by page, with the count")
    func list() async throws {
        try await TestFront.with { front in
            for name in ["Ann", "Bob", "Cid"] { _ = try await front.signUp(name) }
            let admin = try await front.admin()
            var (seen, cursor): ([String], String?) = ([], nil)
            repeat {
                let page = try await admin.get("/api/v1/users/?limit=2" + (cursor.map { "&cursor=\($0)" } ?? ""))
                #expect(page.json["count"] == .integer(4))
                seen += page.data.compactMap { $0["user_name"]?.string }
                cursor = page.json["next_cursor"]?.string
            } while cursor != nil
            #expect(seen.sorted() == ["Ann", "Bob", "Cid", "admin"])
            let made = try await admin.send(
                "POST", "/api/v1/users", json: ["user_name": "Dan", "password": "password 1"])
            #expect(made.status == 201)
        }
    }

    private func eventuallyPublished(_ count: Int, _ front: TestFront) async throws {
        try await eventually("\(count) events are in the stream") { try await front.published().count == count }
    }
}
