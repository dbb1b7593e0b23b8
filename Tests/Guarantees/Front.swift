import Domain
import Foundation
import FoundationNetworking
import TestSupport

/// A front that listens, and a client of it.
struct Front: Sendable {
    struct Answer: Sendable {
        let status: Int
        let body: Data
        /// By name in small letters.
        var headers: [String: String] = [:]

        /// A member of the JSON object.
        func text(_ name: String) -> String? {
            (try? JSONSerialization.jsonObject(with: body) as? [String: Any])?[name] as? String
        }
    }

    let process: ChildProcess
    let url: URL

    private static let session: URLSession = {
        let configuration = URLSessionConfiguration.ephemeral
        configuration.httpMaximumConnectionsPerHost = 64
        configuration.timeoutIntervalForRequest = 120
        return URLSession(configuration: configuration)
    }()

    /// - Parameter form: sent as a form; else `json` is sent.
    func send(
        _ method: String, _ path: String, json: String? = nil, form: String? = nil, headers: [String: String] = [:]
    ) async throws -> Answer {
        var request = URLRequest(url: url.appending(path: path))
        request.httpMethod = method
        if let body = form ?? json {
            request.httpBody = Data(body.utf8)
            let type = form == nil ? "application/json" : "application/x-www-form-urlencoded"
            request.setValue(type, forHTTPHeaderField: "Content-Type")
        }
        for (name, value) in headers { request.setValue(value, forHTTPHeaderField: name) }
        let (data, response) = try await Front.session.data(for: request)
        let http = response as? HTTPURLResponse
        let headers = (http?.allHeaderFields ?? [:]).map { ("\($0.key)".lowercased(), "\($0.value)") }
        return Answer(status: http?.statusCode ?? 0, body: data, headers: Dictionary(headers) { $1 })
    }

    /// Makes an account.
    func signUp(_ name: String, password: String = "correct horse") async throws -> Identifier {
        let answer = try await send(
            "POST", "/api/v1/users/signup", json: #"{"user_name": "\#(name)", "password": "\#(password)"}"#)
        guard answer.status == 201, let id = answer.text("user_id").flatMap({ Identifier($0) }) else {
            throw Unrecoverable("sign-up answered \(answer.status): \(String(decoding: answer.body, as: UTF8.self))")
        }
        return id
    }

    func signIn(
        _ name: String, password: String = "correct horse", headers: [String: String] = [:]
    ) async throws -> Answer {
        let password = password.replacing(" ", with: "+")
        return try await send(
            "POST", "/api/v1/login/access-token", form: "username=\(name)&password=\(password)", headers: headers)
    }

    /// Hands an event in by API key.
    func ingest(
        _ id: Identifier, of person: Identifier, headers: [String: String] = [:]
    ) async throws -> Answer {
        try await send(
            "POST", "/api/v1/sign-ins", json: #"{"user_id": "\#(person)", "event_id": "\#(id)"}"#,
            headers: headers.merging(["X-API-Key": Stage.apiKey]) { $1 })
    }
}

extension Front.Answer {
    /// The event behind an access token: its `jti`.
    var event: Identifier? {
        guard let parts = text("access_token")?.split(separator: "."), parts.count == 3 else { return nil }
        var payload = parts[1].replacing("-", with: "+").replacing("_", with: "/")
        payload += String(repeating: "=", count: (4 - payload.count % 4) % 4)
        guard let data = Data(base64Encoded: String(payload)) else { return nil }
        return Front.Answer(status: 200, body: data).text("jti").flatMap { Identifier($0) }
    }
}
