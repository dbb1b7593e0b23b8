import HTTPTypes
import Testing

@testable import HTTPFront

@Suite("The description of the API")
struct DocsTests {
    @Test("It tells of every route there is, and of no other")
    func complete() async throws {
        try await TestFront.with { front in
            let told = ApiOperation.all.map { "\($0.method.rawValue) \($0.path)" }
            #expect(Set(told).count == told.count)
            #expect(Set(told) == front.routes)
        }
    }

    @Test("It is valid JSON whose references lead somewhere, and a page for people")
    func served() async throws {
        try await TestFront.with { front in
            let document = try await front.client.get("/openapi.json")
            #expect(document.status == 200 && document.json["openapi"] == "3.1.0")
            let schemas = try #require(document.json["components"]?["schemas"])
            for part in document.text.split(separator: "#/components/schemas/").dropFirst() {
                #expect(schemas[String(part.prefix { $0 != "\"" })] != nil)
            }
            let page = try await front.client.get("/docs")
            #expect(page.text.contains("POST /login/access-token"))
            #expect(!page.text.contains("{{"))
        }
    }
}
