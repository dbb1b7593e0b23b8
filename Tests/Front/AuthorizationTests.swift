import Domain
import Foundation
import HTTPTypes
import Identity
import Postgres
import Storage
import TestSupport
import Testing

@testable import HTTPFront

@Suite("Who may do what")
struct AuthorizationTests {
    enum Sender: String, CaseIterable {
        case nobody = "no token"
        case expired = "an expired token"
        case signedOut = "a token that was signed out"
        case banned = "a banned person's token"
        case forged = "a token of another secret"
        case wrongKey = "a key nobody has"
        case revokedKey = "a revoked key"
        case other = "another player"
        case themselves = "they themselves"
        case key = "a key"
        case admin = "an admin"
        case page = "their own page, by cookie"
        case foreignPage = "a page of another address, by cookie"
        case plainCookie = "a cookie without an origin"
        case signedOutCookie = "a cookie that was signed out"
    }

    enum Verdict: String {
        case mayCome = "allowed"
        case unauthorized
        case forbidden
    }

    /// The same as the controllers decide, told once more and from the outside.
    static func verdict(_ operation: ApiOperation, _ sender: Sender) -> Verdict {
        if operation.audience == .everybody {
            let isOfSessions = operation.path == "/session" && operation.method != .get
            return isOfSessions && sender == .foreignPage ? .forbidden : .mayCome
        }
        let isOfSomebody = operation.path.contains("{user_id}")
        switch sender {
        case .nobody, .expired, .signedOut, .banned, .forged, .wrongKey, .revokedKey, .signedOutCookie:
            return .unauthorized
        case .page: return verdict(operation, .themselves)
        case .foreignPage, .plainCookie:
            // Whoever only reads does no harm, and browsers show the answer to nobody else's page.
            if operation.audience == .key { return .unauthorized }
            return operation.method == .get ? verdict(operation, .themselves) : .forbidden
        case .other:
            if operation.audience == .key { return .unauthorized }
            return operation.audience == .token && !isOfSomebody ? .mayCome : .forbidden
        case .themselves:
            switch operation.audience {
            case .key: return .unauthorized
            case .admin, .keyOrAdmin: return .forbidden
            default: return .mayCome
            }
        case .key:
            return [.key, .keyOrAdmin, .personKeyOrAdmin].contains(operation.audience) ? .mayCome : .forbidden
        case .admin:
            if operation.audience == .key { return .unauthorized }
            return operation.audience == .token && isOfSomebody ? .forbidden : .mayCome
        }
    }

    @Test("Every route, for every kind of sender", .timeLimit(.minutes(5)))
    func matrix() async throws {
        try await TestFront.with(["QUESTLINE_SIGN_UPS_PER_HOUR": "100000"]) { front in
            let senders = try await Senders(front)
            for operation in ApiOperation.all {
                // A person of its own for each: some routes end sessions or ban.
                let person = try await senders.newPerson(of: front)
                for sender in Sender.allCases {
                    let headers = try await senders.headers(sender, person: person, base: front.base)
                    let request = Sample(operation, person: person)
                    // What follows a person has no end; HEAD asks the same of the sender.
                    let isEndless = operation.mediaType == "text/event-stream"
                    let answer = try await front.client.send(
                        isEndless ? "HEAD" : operation.method.rawValue, request.path,
                        headers.merging(request.headers) { own, _ in own },
                        body: request.body)
                    let found = AuthorizationTests.outcome(answer)
                    #expect(
                        found == AuthorizationTests.verdict(operation, sender),
                        "\(operation.method) \(operation.path) with \(sender.rawValue) answered \(answer.status): \(answer.text)"
                    )
                    // Whoever may come is not turned away by a fault of ours either.
                    #expect(answer.status < 500, "\(operation.method) \(operation.path): \(answer.text)")
                    if answer.status == 401 {
                        #expect(answer.headers["www-authenticate"]?.hasPrefix("Bearer realm=\"questline\"") == true)
                    }
                }
            }
        }
    }

    @Test("Where nobody has to be known, a bad token or key does no harm; where both are sent, the key counts")
    func bothOrNeither() async throws {
        try await TestFront.with { front in
            let id = try await front.signUp("Ann")
            let bad = ["Authorization": "Bearer nonsense"]
            #expect(try await front.client.get("/api/v1/quests", bad).status == 200)
            #expect(try await front.key.get("/api/v1/users/\(id)/wallet", bad).status == 200)
            let ann = try await front.signIn("Ann")
            #expect(try await ann.get("/api/v1/users/me/wallet", ["X-API-Key": "nonsense"]).status == 401)
            for scheme in ["Basic YTpi", "Bearer", "Bearer ", "bearer a b", "Token x", ""] {
                let answer = try await front.client.get("/api/v1/users/me", ["Authorization": scheme])
                #expect(answer.problem == "unauthorized", "\(scheme)")
            }
        }
    }

    private static func outcome(_ answer: Answer) -> Verdict {
        switch answer.status {
        // An answer to HEAD has no body that could say more.
        case 401 where answer.body.isEmpty: .unauthorized
        case 403 where answer.body.isEmpty: .forbidden
        case 401: answer.problem == "unauthorized" ? .unauthorized : .mayCome
        case 403: answer.problem == "forbidden" ? .forbidden : .mayCome
        default: .mayCome
        }
    }
}

/// A request that fits an operation, made from its description.
private struct Sample {
    let path: String
    var headers: [String: String] = [:]
    var body: [UInt8]?

    init(_ operation: ApiOperation, person: Identifier) {
        var path = operation.fullPath
        for parameter in operation.parameters where parameter.place == .path {
            let value = parameter.name == "user_id" ? person.description : Sample.text(ApiExample.of(parameter.schema))
            path = path.replacingOccurrences(of: "{\(parameter.name)}", with: value)
        }
        self.path = path
        for parameter in operation.parameters where parameter.place == .header && parameter.isRequired {
            headers[parameter.name] = Sample.text(ApiExample.of(parameter.schema))
        }
        guard let schema = operation.body else { return }
        let example = ApiExample.of(schema.reference)
        headers["Content-Type"] = operation.isForm ? "application/x-www-form-urlencoded" : "application/json"
        body = Array((operation.isForm ? Sample.form(example) : example.text).utf8)
    }

    private static func form(_ example: JSON) -> String {
        guard case .object(let members) = example else { return "" }
        return members.map { "\($0.name)=\(text($0.value))" }.joined(separator: "&")
    }

    private static func text(_ value: JSON) -> String { value.string ?? value.text }
}

/// Everybody who sends something.
private struct Senders {
    let tokens: Tokens
    let other: Identifier
    let banned: String
    let signedOut: String
    let expired: String
    let forged: String
    let admin: Identifier
    let revokedKey = "revoked-key-0123456789"

    init(_ front: TestFront) async throws {
        tokens = await Tokens(secret: FrontSettings.localTokenSecret)
        other = try await front.signUp("other")
        let client = try await front.admin()
        admin = try #require(
            try await client.get("/api/v1/users/me").json["user_id"]?.string.flatMap { Identifier($0) })
        let exile = try await front.signUp("exile")
        banned = try await tokens.issue(for: exile, tokenID: .timeOrdered(at: .now), role: .admin)
        let ban = try await client.send("PATCH", "/api/v1/users/\(exile)", json: ["status": .integer(2)])
        #expect(ban.status == 200)
        signedOut = try await tokens.issue(for: other, tokenID: .timeOrdered(at: .now), role: .admin)
        let end = try await front.client.send("POST", "/api/v1/logout", ["Authorization": "Bearer \(signedOut)"])
        #expect(end.status == 204)
        let longAgo = Timestamp.now.advanced(bySeconds: -Tokens.lifetime - 60)
        expired = try await tokens.issue(for: other, tokenID: .timeOrdered(at: longAgo), role: .admin)
        forged = try await Tokens(secret: "another secret that nobody here has ever heard of").issue(
            for: other, tokenID: .timeOrdered(at: .now), role: .admin)
        // Never in force, not even for a moment in which the front might read it.
        _ = try await front.database.client.query(
            """
            INSERT INTO auth.api_keys (key_id, name, key_hash, revoked_at)
            VALUES (\(Identifier.timeOrdered(at: .now)), 'revoked', \(APIKeyHash(of: revokedKey).bytes), now())
            """)
    }

    func newPerson(of front: TestFront) async throws -> Identifier {
        try await front.signUp("person \(Identifier.random())")
    }

    func headers(
        _ sender: AuthorizationTests.Sender, person: Identifier, base: String
    ) async throws -> [String: String] {
        func cookie(_ token: String, origin: String?) -> [String: String] {
            var headers = ["Cookie": "other=1; questline=\(token); theme=dark"]
            headers["Origin"] = origin
            return headers
        }
        func theirs() async throws -> String {
            try await tokens.issue(for: person, tokenID: .timeOrdered(at: .now), role: .player)
        }
        func bearer(_ token: String) -> [String: String] { ["Authorization": "Bearer \(token)"] }
        switch sender {
        case .nobody: return [:]
        case .expired: return bearer(expired)
        case .signedOut: return bearer(signedOut)
        case .banned: return bearer(banned)
        case .forged: return bearer(forged)
        case .wrongKey: return ["X-API-Key": "nobody-has-this-key"]
        case .revokedKey: return ["X-API-Key": revokedKey]
        case .other: return bearer(try await tokens.issue(for: other, tokenID: .timeOrdered(at: .now), role: .player))
        case .themselves:
            return bearer(try await tokens.issue(for: person, tokenID: .timeOrdered(at: .now), role: .player))
        case .key: return ["X-API-Key": TestFront.apiKey]
        case .page: return cookie(try await theirs(), origin: base)
        case .foreignPage: return cookie(try await theirs(), origin: "https://elsewhere.example")
        case .plainCookie: return cookie(try await theirs(), origin: nil)
        case .signedOutCookie: return cookie(signedOut, origin: base)
        case .admin: return bearer(try await tokens.issue(for: admin, tokenID: .timeOrdered(at: .now), role: .admin))
        }
    }
}
