import TestSupport
import Testing

@testable import HTTPFront

@Suite("Pages of other origins")
struct CrossOriginTests {
    private let path = "/api/v1/users/signup"
    private let asking = ["Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"]

    @Test("A named origin may ask and read; another one gets the usual answer and no word about origins")
    func named() async throws {
        let settings = ["QUESTLINE_CORS_ORIGINS": "https://app.example, http://localhost:3000"]
        try await TestFront.with(settings) { front in
            for origin in ["https://app.example", "http://localhost:3000"] {
                let asked = try await front.client.send("OPTIONS", path, asking.merging(["Origin": origin]) { $1 })
                #expect(asked.status == 204 && asked.body.isEmpty)
                #expect(asked.headers["access-control-allow-origin"] == origin)
                #expect(asked.headers["access-control-allow-methods"]?.contains("PATCH") == true)
                #expect(asked.headers["access-control-allow-headers"]?.contains("Authorization") == true)
                #expect(asked.headers["access-control-max-age"] == "600")
                #expect(asked.headers["access-control-allow-credentials"] == nil)
                #expect(asked.headers["vary"]?.contains("Origin") == true)
                #expect(asked.headers["x-request-id"] != nil)
            }
            let read = try await front.client.get("/api/v1/quests", ["Origin": "https://app.example"])
            #expect(read.headers["access-control-allow-origin"] == "https://app.example")
            #expect(read.headers["access-control-expose-headers"]?.contains("RateLimit") == true)
            // A page has to be able to read what went wrong, too.
            let missing = try await front.client.get("/nowhere", ["Origin": "https://app.example"])
            #expect(missing.status == 404 && missing.headers["access-control-allow-origin"] == "https://app.example")
            for origin in ["https://evil.example", "https://app.example.evil", "http://app.example", "null"] {
                let asked = try await front.client.send("OPTIONS", path, asking.merging(["Origin": origin]) { $1 })
                #expect(asked.status == 204)
                let read = try await front.client.get("/api/v1/quests", ["Origin": origin])
                #expect(read.status == 200)
                for answer in [asked, read] {
                    #expect(!answer.headers.keys.contains { $0.hasPrefix("access-control") })
                    #expect(answer.headers["vary"]?.contains("Origin") == true)
                }
            }
            #expect(try await front.client.get("/api/v1/quests").headers["vary"]?.contains("Origin") == true)
            #expect(
                try await front.client.send("OPTIONS", path, ["Origin": "https://app.example"]).status == 204)
        }
    }

    @Test("Everybody may with *, nobody without a setting")
    func everybodyAndNobody() async throws {
        try await TestFront.with(["QUESTLINE_CORS_ORIGINS": "*"]) { front in
            let read = try await front.client.get("/api/v1/quests", ["Origin": "https://any.example"])
            #expect(read.headers["access-control-allow-origin"] == "*")
            #expect(read.headers["access-control-allow-credentials"] == nil)
        }
        try await TestFront.with { front in
            let read = try await front.client.get("/api/v1/quests", ["Origin": "https://any.example"])
            #expect(!read.headers.keys.contains { $0.hasPrefix("access-control") })
            let asked = try await front.client.send(
                "OPTIONS", path, asking.merging(["Origin": "https://any.example"]) { $1 })
            #expect(asked.status == 204)
        }
    }
}
