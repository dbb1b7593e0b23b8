import Foundation
import Testing

@testable import HTTPFront

/// The description of the API, held against every answer that any test of the front receives: an answer that it does not
/// tell of fails the test that got it.
enum Contract {
    private static let check = SchemaCheck(document: OpenAPI.document)

    static func verify(_ method: String, _ path: String, _ answer: Answer) {
        for fault in faults(method, path, answer) {
            Issue.record("\(method) \(path) answered \(answer.status), and \(fault): \(answer.text.prefix(400))")
        }
    }

    static func faults(_ method: String, _ path: String, _ answer: Answer) -> [String] {
        let path = String(path.prefix { $0 != "?" })
        var faults: [String] = []
        if !SchemaCheck.matches(answer.headers["x-request-id"] ?? "", "^[A-Za-z0-9_-]{1,64}$") {
            faults.append("there is no usable X-Request-Id")
        }
        guard path.hasPrefix("/api/") || path == "/livez" || path == "/readyz" || path == "/openapi.json" else {
            return faults
        }
        guard let (template, operations) = described(path) else {
            return answer.problem == "not-found" ? faults : faults + ["no such path is described"]
        }
        let name = method == "HEAD" ? "get" : method.lowercased()
        guard let operation = operations[name] else {
            let isRight = method == "OPTIONS" ? answer.status == 204 : answer.problem == "method-not-allowed"
            if !isRight { faults.append("\(template) describes no \(method)") }
            // A browser that asks beforehand for a page is told more.
            let isPreflight = method == "OPTIONS" && answer.headers["access-control-allow-methods"] != nil
            if answer.headers["allow"] == nil, !isPreflight { faults.append("Allow is missing") }
            return faults
        }
        guard let response = operation["responses"]?[String(answer.status)].map(resolved) else {
            return faults + ["this status is not described"]
        }
        return faults + headers(answer, response) + body(answer, response, isHead: method == "HEAD")
    }

    private static func headers(_ answer: Answer, _ response: JSON) -> [String] {
        guard case .object(let headers) = response["headers"] ?? .null else { return ["no headers are described"] }
        return headers.flatMap { header -> [String] in
            let description = resolved(header.value)
            guard let text = answer.headers[header.name.lowercased()] else {
                return description["required"] == .bool(true) ? ["\(header.name) is missing"] : []
            }
            guard let schema = description["schema"] else { return ["\(header.name) has no schema"] }
            let value: JSON =
                schema["type"] == "integer" ? Int64(text).map(JSON.integer) ?? .string(text) : .string(text)
            return check.faults(value, schema, at: header.name)
        }
    }

    private static func body(_ answer: Answer, _ response: JSON, isHead: Bool) -> [String] {
        guard case .object(let content) = response["content"] ?? .null, let media = content.first else {
            return answer.body.isEmpty ? [] : ["a body is not described"]
        }
        let type = (answer.headers["content-type"] ?? "").prefix { $0 != ";" }
        guard type == media.name else { return ["the media type is \(type), and \(media.name) is described"] }
        guard let schema = media.value["schema"] else { return ["the body has no schema"] }
        if isHead { return answer.body.isEmpty ? [] : ["HEAD has a body"] }
        guard media.name.hasSuffix("json") else { return check.faults(.string(answer.text), schema) }
        do {
            return check.faults(try JSONParser.parse(answer.body), schema)
        } catch {
            return ["the body is not JSON: \(error.reason)"]
        }
    }

    /// The path in the document that this one is an instance of: the one with the fewest parameters.
    private static func described(_ path: String) -> (String, JSON)? {
        guard case .object(let paths) = OpenAPI.document["paths"] ?? .null else { return nil }
        let parts = path.split(separator: "/")
        let fitting = paths.filter { candidate in
            let pattern = candidate.name.split(separator: "/")
            return pattern.count == parts.count && zip(pattern, parts).allSatisfy { $0.hasPrefix("{") || $0 == $1 }
        }
        let best = fitting.min { $0.name.count(where: { $0 == "{" }) < $1.name.count(where: { $0 == "{" }) }
        return best.map { ($0.name, $0.value) }
    }

    private static func resolved(_ value: JSON) -> JSON {
        guard let reference = value["$ref"]?.string else { return value }
        return reference.dropFirst(2).split(separator: "/").reduce(OpenAPI.document) { $0[String($1)] ?? .null }
    }
}
