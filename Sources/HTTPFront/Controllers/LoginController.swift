import Domain
import HTTPTypes
import Hummingbird
import Identity
import Logging
import Postgres
import Storage
import Streams

/// Signing in, looking at one's token, signing out.
struct LoginController: Sendable {
    let users: Users
    let revoked: RevokedTokens
    let hasher: PasswordHasher
    let tokens: Tokens
    let limits: Limits
    let gate: Gate
    let intake: Intake
    let hints: Hints
    let addresses: ClientAddress

    func add(to routes: inout Routes) {
        routes.post("login/access-token") { request, context in
            var standing: Limits.Standing?
            var response: Response
            do {
                response = try await signIn(request, context, &standing)
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
            let bearer = try await gate.person(request)
            // Postgres first: whatever is told to anybody else must already be true there.
            try await revoked.revoke(bearer.tokenID, of: bearer.userID, expiresAt: bearer.expiresAt)
            gate.watch.list.revoke(bearer.tokenID, until: bearer.expiresAt)
            hints.revoked(bearer.tokenID)
            return Response(status: .noContent)
        }
    }

    /// The password grant (RFC 6749, section 4.3). The answer is given once the sign-in is safe, never before.
    ///
    /// An unknown name, a wrong password and a banned person go the same way: one look at the account, one hash, one count.
    ///
    /// - Parameter standing: how the limits stand, as far as that is known when the answer is made.
    private func signIn(
        _ request: Request, _ context: FrontContext, _ standing: inout Limits.Standing?
    ) async throws -> Response {
        let (name, password) = try await credentials(request, context)
        let address = addresses.of(request, context)
        let before = await limits.beforeSignIn(address: address, name: name)
        standing = before
        if let wait = before.wait { throw Problem.tooMany("Too many failed sign-ins", retryAfter: wait) }
        // A name that nobody can have is not looked up, but costs the same time as one that nobody has.
        let asked = Timestamp.now
        let isPossible = Credentials.fault(inName: name) == nil
        let found = isPossible ? try await users.credentials(named: name) : nil
        let verdict = try await hasher.verify(password, against: found?.passwordHash)
        guard let found, verdict.matches, found.user.status != .banned else {
            let failed = await limits.signInFailed(address: address, name: name)
            standing = failed
            if let wait = failed.wait { throw Problem.tooMany("Too many failed sign-ins", retryAfter: wait) }
            throw TokenError.invalidGrant
        }
        // Asked again: guesses that were sent together must not all be answered because none had failed yet.
        let after = await limits.beforeSignIn(address: address, name: name)
        standing = after
        if let wait = after.wait { throw Problem.tooMany("Too many failed sign-ins", retryAfter: wait) }
        await limits.signInSucceeded(address: address, name: name, after)
        if verdict.isOutdated { await renew(found.passwordHash, of: found.user, password) }
        // Whoever sees the id of this request in an answer finds its event by it, also one that the front made up.
        let origin = EventOrigin(traceparent: context.origin.traceparent, requestID: context.requestID)
        let event = try await intake.acceptSignIn(of: found.user, at: asked, origin: origin)
        context.logger.debug("accepted a sign-in", metadata: ["event_id": "\(event.id)"])
        // As it was when the password was checked: a ban or a new password that came since has voided this token.
        let token = try await tokens.issue(
            for: found.user.id, tokenID: event.id, role: found.user.role,
            accountValidFrom: found.user.tokensValidFrom)
        return .json(
            [
                "access_token": .string(token), "token_type": "bearer", "expires_in": .integer(Tokens.lifetime),
            ], headers: [.cacheControl: "no-store"])
    }

    /// Replaces a hash made with other parameters, now that the password is known. If it does not work out, the next
    /// sign-in tries again.
    private func renew(_ old: String, of user: User, _ password: String) async {
        guard let hash = try? await hasher.hash(password) else { return }
        try? await users.replaceHash(old, by: hash, of: user.id)
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
        guard password.utf8.count <= 4 * Credentials.passwordLength.upperBound, name.utf8.count <= 1_024 else {
            throw TokenError.invalidGrant
        }
        return (name, password)
    }
}
