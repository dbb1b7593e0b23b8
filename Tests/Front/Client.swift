import Foundation
import FoundationNetworking

@testable import HTTPFront

/// What came back.
struct Answer: Sendable {
    let status: Int
    let headers: [String: String]
    let body: [UInt8]

    var text: String { String(decoding: body, as: UTF8.self) }
    var json: JSON { (try? JSONParser.parse(body)) ?? .null }

    /// The `type` of a problem, without its beginning.
    var problem: String? {
        guard headers["content-type"] == "application/problem+json" else { return nil }
        return json["type"]?.string?.replacingOccurrences(of: "urn:questline:problem:", with: "")
    }

    /// The pointers of a 422.
    var pointers: [String] { json["errors"].map(Answer.pointers) ?? [] }

    var data: [JSON] {
        guard case .array(let values) = json["data"] else { return [] }
        return values
    }

    private static func pointers(_ errors: JSON) -> [String] {
        guard case .array(let values) = errors else { return [] }
        return values.compactMap { $0["pointer"]?.string }
    }
}

/// Sends requests as another program would, and holds every answer against the description of the API.
struct Client: Sendable {
    let base: String
    var headers: [String: String] = [:]
    /// Whether answers are those that the description of the API tells of. Probe ports have their own.
    var isApi = true

    private static let session: URLSession = {
        let configuration = URLSessionConfiguration.ephemeral
        configuration.httpMaximumConnectionsPerHost = 64
        configuration.timeoutIntervalForRequest = 120
        // A cookie is sent by whoever says so, and none is kept from one test for another.
        configuration.httpCookieStorage = nil
        configuration.httpShouldSetCookies = false
        return URLSession(configuration: configuration)
    }()

    func get(_ path: String, _ more: [String: String] = [:]) async throws -> Answer {
        try await send("GET", path, more)
    }

    func send(
        _ method: String, _ path: String, _ more: [String: String] = [:], body: [UInt8]? = nil
    ) async throws -> Answer {
        guard let url = URL(string: base + path) else { throw URLError(.badURL) }
        var request = URLRequest(url: url)
        request.httpMethod = method
        request.httpBody = body.map { Data($0) }
        for (name, value) in headers.merging(more, uniquingKeysWith: { $1 }) {
            request.setValue(value, forHTTPHeaderField: name)
        }
        let (data, response) = try await Client.session.data(for: request)
        guard let response = response as? HTTPURLResponse else { throw URLError(.badServerResponse) }
        let fields = response.allHeaderFields.map { (String(describing: $0.key).lowercased(), "\($0.value)") }
        let answer = Answer(
            status: response.statusCode, headers: Dictionary(fields, uniquingKeysWith: { $1 }), body: Array(data))
        if isApi { Contract.verify(method, path, answer) }
        return answer
    }

    func send(
        _ method: String, _ path: String, _ more: [String: String] = [:], json: JSON
    ) async throws -> Answer {
        try await send(
            method, path, ["Content-Type": "application/json"].merging(more) { $1 }, body: Array(json.text.utf8))
    }

    func form(_ path: String, _ fields: String) async throws -> Answer {
        try await send(
            "POST", path, ["Content-Type": "application/x-www-form-urlencoded"], body: Array(fields.utf8))
    }

    func signIn(_ name: String, _ password: String) async throws -> Answer {
        func encoded(_ text: String) -> String {
            text.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
        }
        return try await form(
            "/api/v1/login/access-token", "username=\(encoded(name))&password=\(encoded(password))")
    }
}
