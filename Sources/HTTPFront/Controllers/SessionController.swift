import HTTPTypes
import Hummingbird
import Identity
import Storage

/// The session of our own pages: the same token as elsewhere, in a cookie that no script can read.
struct SessionController: Sendable {
    let users: Users
    let gate: Gate
    let signIn: PasswordSignIn
    let signOut: SignOut

    func add(to routes: inout Routes) {
        routes.get("session") { request, _ in
            guard let bearer = await bearer(request), let user = try await users.user(bearer.userID),
                user.status != .banned, !bearer.isVoid(from: user.tokensValidFrom)
            else { return .list(["user": .null, "expires_at": .null]) }
            return .list(["user": user.json, "expires_at": JSON(bearer.expiresAt)])
        }
        routes.post("session") { request, context in
            var standing: Limits.Standing?
            var response: Response
            do {
                response = try await begin(request, context, &standing)
            } catch {
                response = Envelope.problem(for: error, request, context).response(requestID: context.requestID)
            }
            if let standing { response.headers.tell(standing) }
            return response
        }
        routes.delete("session") { request, context in
            try refuseForeignPages(request)
            if let bearer = await bearer(request) { try await signOut(bearer) }
            return Response(
                status: .noContent,
                headers: [.setCookie: SessionCookie.removing(isSecure: signIn.addresses.isSecure(request, context))])
        }
    }

    private func begin(
        _ request: Request, _ context: FrontContext, _ standing: inout Limits.Standing?
    ) async throws -> Response {
        try refuseForeignPages(request)
        var fields = Fields(try await request.json(context))
        let name = fields.string("user_name")
        let password = fields.string("password")
        try fields.check()
        guard !PasswordSignIn.isTooLong(name: name, password: password),
            let (user, token) = try await signIn(name: name, password: password, request, context, &standing)
        else { throw Problem.wrongCredentials }
        // Whoever signs in as somebody else in the same browser has ended the session before.
        if let before = await bearer(request) { try? await signOut(before) }
        let cookie = SessionCookie.setting(
            token, seconds: Tokens.lifetime, isSecure: signIn.addresses.isSecure(request, context))
        return .json(user.json, headers: [.cacheControl: "no-store", .setCookie: cookie])
    }

    /// Whose session the request is of, if it is still good.
    private func bearer(_ request: Request) async -> Bearer? {
        try? await gate.person(request)
    }

    /// Nobody else's page may sign a browser in or out. Programs that are no browser send no `Origin`.
    private func refuseForeignPages(_ request: Request) throws {
        guard request.headers[.origin] == nil || request.isFromOwnPage else { throw Problem.foreignPage }
    }
}

extension Problem {
    static var wrongCredentials: Problem {
        Problem(
            status: .unauthorized, slug: "wrong-credentials", title: "Nobody has this name and password",
            detail: "Wrong name or password", headers: [.wwwAuthenticate: "Bearer realm=\"questline\""])
    }

    static let foreignPage = Problem.forbidden("By cookie only pages of this very address may change anything")
}
