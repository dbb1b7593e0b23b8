import Foundation
import HTTPTypes
import Testing

@testable import HTTPFront

@Suite("The description of the API")
struct DocsTests {
    private static let check = SchemaCheck(document: OpenAPI.document)

    @Test("It tells of every route there is, and of no other")
    func complete() async throws {
        try await TestFront.with { front in
            let told = ApiOperation.all.map { "\($0.method.rawValue) \($0.path)" }
            #expect(Set(told).count == told.count)
            #expect(Set(told) == front.routes)
        }
    }

    @Test("It is valid JSON whose references lead somewhere, and every operation has a name of its own")
    func served() async throws {
        try await TestFront.with { front in
            let document = try await front.client.get("/openapi.json")
            #expect(document.status == 200 && document.json["openapi"] == "3.1.0")
            for part in document.text.split(separator: "\"#/").dropFirst() {
                let path = part.prefix { $0 != "\"" }.split(separator: "/")
                #expect(path.reduce(document.json) { $0[String($1)] ?? .null } != .null, "\(path)")
            }
            let ids = ApiOperation.groups.flatMap(\.operations).map(\.id)
            #expect(Set(ids).count == ids.count)
        }
    }

    @Test("Every kind of problem that the front's files name is explained")
    func problems() throws {
        let sources = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "Sources/HTTPFront")
        let files = try #require(FileManager.default.enumerator(at: sources, includingPropertiesForKeys: nil))
        let known = Set(ProblemType.all.map(\.slug))
        var named: Set<String> = []
        for case let file as URL in files
        where file.pathExtension == "swift" && file.lastPathComponent != "ProblemType.swift" {
            let text = try String(contentsOf: file, encoding: .utf8)
            for match in text.matches(of: /(?:slug: |conflict\(\s*)"([a-z-]+)"/) { named.insert(String(match.1)) }
        }
        #expect(named.contains("not-found") && named.contains("name-taken"))
        #expect(named.subtracting(known).isEmpty)
        #expect(known.subtracting(named).isEmpty)
    }

    @Test("Its examples are what it says they are", arguments: ApiOperation.groups.flatMap(\.operations).map(\.id))
    func examples(id: String) throws {
        let operation = try #require(ApiOperation.groups.flatMap(\.operations).first { $0.id == id })
        let parameters = operation.parameters.map(\.schema)
        for schema in parameters + [operation.body?.reference, operation.answer?.reference].compactMap({ $0 }) {
            for full in [true, false] {
                let example = ApiExample.of(schema, full: full)
                #expect(DocsTests.check.faults(example, schema).isEmpty, "\(example.text)")
            }
        }
        for answer in operation.answers {
            guard let schema = answer.schema else { continue }
            let example = ApiExample.of(schema.reference)
            #expect(DocsTests.check.faults(example, schema.reference).isEmpty, "\(answer.status) \(example.text)")
        }
    }

    @Test("Whatever an answer is that is not described, it is noticed")
    func noticed() throws {
        func faults(_ status: Int, _ headers: [String: String], _ body: String, _ path: String = "/api/v1/users/me")
            -> [String]
        {
            Contract.faults("GET", path, Answer(status: status, headers: headers, body: Array(body.utf8)))
        }
        let id = ["x-request-id": "a1"]
        let json = id.merging(["content-type": "application/json"]) { $1 }
        let user = ApiExample.of(ApiSchema.user.json).text
        #expect(faults(200, json, user).isEmpty)
        #expect(!faults(200, ["content-type": "application/json"], user).isEmpty, "no request id")
        #expect(!faults(200, id, user).isEmpty, "no media type")
        #expect(!faults(418, json, user).isEmpty, "a status")
        #expect(!faults(200, json, "{}").isEmpty, "members that are missing")
        #expect(!faults(200, json, user.replacing("\"role\"", with: "\"roles\"")).isEmpty, "a member of another name")
        #expect(!faults(200, json, user.replacing("\"gold\":0", with: "\"gold\":-1")).isEmpty, "a value out of bounds")
        #expect(!faults(200, json, user.dropLast() + ",\"more\":1}").isEmpty, "one member more")
        let problem = id.merging(["content-type": "application/problem+json"]) { $1 }
        let forbidden = Problem.forbidden("x").json(requestID: "a1").text
        #expect(faults(403, problem, forbidden).isEmpty)
        #expect(!faults(403, problem, forbidden.replacing("forbidden", with: "odd")).isEmpty, "a type")
        #expect(
            !faults(401, problem, Problem.unauthorized("x").json(requestID: "a1").text).isEmpty, "no WWW-Authenticate")
        #expect(!faults(200, json, "true", "/api/v1/nowhere").isEmpty, "a path")
    }

    @Test(
        "The page for people tells of every operation, leads nowhere else, and holds no script and no style of its own")
    func page() async throws {
        try await TestFront.with { front in
            let page = try await front.client.get("/docs").text
            #expect(!page.contains("{{") && !page.contains("<script") && !page.contains("style="))
            #expect(!page.contains("http://") && !page.contains("https://"))
            for operation in ApiOperation.groups.flatMap(\.operations) {
                #expect(page.contains("<h3 id=\"\(operation.id)\">"), "\(operation.id)")
            }
            for type in ProblemType.all { #expect(page.contains("<code>\(type.slug)</code>")) }
            for link in page.split(separator: "href=\"").dropFirst().map({ $0.prefix { $0 != "\"" } }) {
                if link.hasPrefix("#") {
                    #expect(page.contains("id=\"\(link.dropFirst())\""), "\(link)")
                } else {
                    #expect(try await front.client.get(String(link)).status == 200, "\(link)")
                }
            }
        }
    }
}
