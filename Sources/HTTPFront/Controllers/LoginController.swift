import Domain
import HTTPTypes
import Hummingbird
import Identity
import Storage

/// Signing in for programs that keep the token themselves, looking at one's token, signing out.
struct LoginController: Sendable {
    let users: Users
    let gate: Gate
    let signIn: PasswordSignIn
    let signOut: SignOut

    func add(to routes: inout Routes) {
        routes.post("login/access-token") { request, context in
            var standing: Limits.Standing?
            var response: Response
            do {
                response = try await token(request, context, &standing)
            } catch {
                response = TokenError(error, request, context).response
            }
            if let standing { response.headers.tell(standing) }
            return response
        }
        routes.post("login/test-token") { request, _ in
            let bearer = try await gate.person(request)
            guard let user = try await users.user(bearer.userID), user.status != .banned,
                !bearer.isVoid(from: user.tokensValidFrom)
            else { throw Problem.unauthorized("There is no such account any more, or it has changed: sign in again") }
            return .json(user.json)
        }
        routes.post("logout") { request, _ in
            try await signOut(try await gate.person(request))
            return Response(status: .noContent)
        }
    }

    /// The password grant (RFC 6749, section 4.3).
    private func token(
        _ request: Request, _ context: FrontContext, _ standing: inout Limits.Standing?
    ) async throws -> Response {
        let (name, password) = try await credentials(request, context)
        guard let (_, token) = try await signIn(name: name, password: password, request, context, &standing) else {
            throw TokenError.invalidGrant
        }
        return .json(
            [
                "access_token": .string(token), "token_type": "bearer", "expires_in": .integer(Tokens.lifetime),
            ], headers: [.cacheControl: "no-store"])
    }

    private func credentials(_ request: Request, _ context: FrontContext) async throws -> (String, String) {
        let type = request.headers[.contentType]?.prefix { $0 != ";" }.lowercased().filter { $0 != " " }
        guard type == "application/x-www-form-urlencoded" else {
            throw TokenError(.invalidRequest, "send application/x-www-form-urlencoded")
        }
        guard let form = FormFields(try await request.bytes(context)) else {
            throw TokenError(.invalidRequest, "the form is not UTF-8")
        }
        for field in ["grant_type", "username", "password"] where form.isRepeated(field) {
            throw TokenError(.invalidRequest, "\(field) is given twice")
        }
        if let grant = form["grant_type"], !grant.isEmpty, grant != "password" {
            throw TokenError(.unsupportedGrantType, "grant_type must be password")
        }
        guard let name = form["username"], !name.isEmpty, let password = form["password"], !password.isEmpty else {
            throw TokenError(.invalidRequest, "username and password are needed")
        }
        guard !PasswordSignIn.isTooLong(name: name, password: password) else { throw TokenError.invalidGrant }
        return (name, password)
    }
}
