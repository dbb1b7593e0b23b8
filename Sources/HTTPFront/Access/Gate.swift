import Domain
import HTTPTypes
import Hummingbird
import Identity
import Postgres
import Storage

/// Who sent a request.
enum Caller: Sendable {
    case person(Bearer)
    case key(APIKeyHolder)

    func isPerson(_ id: Identifier) -> Bool {
        if case .person(let bearer) = self { bearer.userID == id } else { false }
    }

    /// For the audit log.
    func actor(_ context: FrontContext) -> Actor {
        switch self {
        case .person(let bearer): .person(bearer.userID, requestID: context.requestID)
        case .key(let holder): .key(holder.keyID, name: holder.name, requestID: context.requestID)
        }
    }
}

extension Bearer {
    /// For the audit log.
    func actor(_ context: FrontContext) -> Actor { Caller.person(self).actor(context) }
}

/// Decides who may come in. An `X-API-Key` makes `Authorization` irrelevant, and that the cookie of our own pages; all are
/// checked against memory, so none needs Postgres or Redis.
struct Gate: Sendable {
    let tokens: Tokens
    let watch: AccessWatch

    /// The sender, whoever it is.
    ///
    /// - Throws: `Problem` 401, or 503 for a key that cannot be looked for now.
    func caller(_ request: Request) async throws -> Caller {
        if let key = request.headers.value(of: .xAPIKey) { return .key(try await holder(of: key)) }
        guard let header = request.headers.value(of: .authorization) else {
            guard let token = SessionCookie.token(in: request) else {
                throw Problem.unauthorized("Send Authorization: Bearer with an access token")
            }
            let bearer = try await bearer(String(token))
            // A browser sends the cookie whoever asks it to.
            guard request.isReading || request.isFromOwnPage else { throw Problem.foreignPage }
            return .person(bearer)
        }
        let parts = header.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else {
            throw Problem.unauthorized("Only Bearer tokens are read here")
        }
        return .person(try await bearer(parts[1].filter { $0 != " " }))
    }

    private func bearer(_ token: String) async throws -> Bearer {
        do {
            let bearer = try await tokens.verify(token)
            if let refusal = watch.list.refusal(of: bearer) { throw refusal }
            return bearer
        } catch let refusal as TokenRefusal {
            var problem = Problem.unauthorized("Sign in again: \(refusal.reason)")
            problem.headers[.wwwAuthenticate] = "Bearer realm=\"questline\", error=\"invalid_token\""
            throw problem
        }
    }

    /// Somebody with a token.
    ///
    /// - Throws: `Problem` 401, and 403 for a key.
    func person(_ request: Request) async throws -> Bearer {
        guard case .person(let bearer) = try await caller(request) else {
            throw Problem.forbidden("This is for people with an access token, not for API keys")
        }
        return bearer
    }

    /// - Throws: `Problem` 401 or 403.
    func admin(_ request: Request) async throws -> Bearer {
        let bearer = try await person(request)
        guard bearer.role == .admin else { throw Problem.forbidden("This is for admins") }
        return bearer
    }

    /// - Throws: `Problem` 401, or 503 for a key that cannot be looked for now.
    func key(_ request: Request) async throws -> APIKeyHolder {
        guard let key = request.headers.value(of: .xAPIKey) else {
            throw Problem.unauthorized("Send an API key as X-API-Key")
        }
        return try await holder(of: key)
    }

    /// The person that `:user_id` of the path names, if the sender may see them: themselves, also written `me`, an admin
    /// anybody, and an API key anybody if `keys` may do this at all.
    ///
    /// - Throws: `Problem` 401, 403, or 404 for what is not an id.
    func subject(_ request: Request, _ context: FrontContext, keys: Bool) async throws -> Identifier {
        try Gate.subject(of: try await caller(request), context, keys: keys)
    }

    /// As above, for a sender that is known already.
    ///
    /// - Throws: `Problem` 403, or 404 for what is not an id.
    static func subject(of caller: Caller, _ context: FrontContext, keys: Bool) throws -> Identifier {
        let text = context.parameters.get("user_id") ?? ""
        switch caller {
        case .person(let bearer):
            if text == "me" { return bearer.userID }
            guard let id = Identifier(text) else { throw Problem.notFound("This is not the id of a person") }
            guard id == bearer.userID || bearer.role == .admin else {
                throw Problem.forbidden("Only they themselves and admins may see this")
            }
            return id
        case .key:
            guard keys else { throw Problem.forbidden("API keys may not do this") }
            guard let id = Identifier(text) else { throw Problem.notFound("This is not the id of a person") }
            return id
        }
    }

    /// An API key or an admin, and the person that `:user_id` of the path names.
    ///
    /// - Throws: `Problem` 401, 403, 404, or 503 for a key that cannot be looked for now.
    func trusted(_ request: Request, _ context: FrontContext) async throws -> (caller: Caller, subject: Identifier) {
        let caller = try await caller(request)
        if case .person(let bearer) = caller, bearer.role != .admin {
            throw Problem.forbidden("This is for API keys and admins")
        }
        return (caller: caller, subject: try Gate.subject(of: caller, context, keys: true))
    }

    private func holder(of key: String) async throws -> APIKeyHolder {
        do {
            guard let holder = try await watch.holder(of: key) else {
                throw Problem.unauthorized("This API key is not known or was revoked")
            }
            return holder
        } catch let error as PostgresError where error.isRetryable {
            throw Problem.unavailable("This API key cannot be checked while the database is away")
        }
    }
}
