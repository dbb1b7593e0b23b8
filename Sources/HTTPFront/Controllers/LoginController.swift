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
            do {
                return try await signIn(request, context)
            } catch {
                return TokenError(error, request, context).response
            }
        }
        routes.post("login/test-token") { request, _ in
            let bearer = try await gate.person(request)
            guard let user = try await users.user(bearer.userID), user.status != .banned else {
                throw Problem.unauthorized("There is no such account any more")
            }
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
    private func signIn(_ request: Request, _ context: FrontContext) async throws -> Response {
        let (name, password) = try await credentials(request, context)
        let address = addresses.of(request, context)
        if let wait = await limits.waitBeforeSignIn(address: address, name: name) {
            throw Problem.tooMany("Too many failed sign-ins", retryAfter: wait)
        }
        // A name that nobody can have is not looked up, but costs the same time as one that nobody has.
        // Before the account is read: a ban or a new password that comes while the hash is computed voids this token.
        let asked = Timestamp.now
        let isPossible = Credentials.fault(inName: name) == nil
        let found = isPossible ? try await users.credentials(named: name) : nil
        let verdict = try await hasher.verify(password, against: found?.passwordHash)
        // Asked again: guesses that were sent together must not all be answered because none had failed yet.
        if let wait = await limits.waitBeforeSignIn(address: address, name: name) {
            throw Problem.tooMany("Too many failed sign-ins", retryAfter: wait)
        }
        guard let found, verdict.matches else {
            await limits.signInFailed(address: address, name: name)
            throw TokenError.invalidGrant
        }
        guard found.user.status != .banned else { throw TokenError.invalidGrant }
        await limits.signInSucceeded(name: name)
        if verdict.isOutdated { await renew(found.passwordHash, of: found.user, password) }
        let event = try await intake.acceptSignIn(of: found.user, at: asked, origin: context.origin)
        context.logger.debug("accepted a sign-in", metadata: ["event_id": "\(event.id)"])
        let token = try await tokens.issue(for: found.user.id, tokenID: event.id, role: found.user.role)
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
