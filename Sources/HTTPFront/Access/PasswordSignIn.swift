import Domain
import Hummingbird
import Identity
import Logging
import Storage

/// Signing in by name and password, whatever form the request has.
struct PasswordSignIn: Sendable {
    let users: Users
    let hasher: PasswordHasher
    let tokens: Tokens
    let limits: Limits
    let intake: Intake
    let addresses: ClientAddress

    /// The account and a token for it, once the sign-in is safe and never before; nil for an unknown name, a wrong password
    /// and a banned person, who go the same way: one look at the account, one hash, one count.
    ///
    /// - Parameter standing: how the limits stand, as far as that is known when the answer is made.
    /// - Throws: `Problem` 429 beyond a limit, and what the hasher, Postgres and the intake throw.
    func callAsFunction(
        name: String, password: String, _ request: Request, _ context: FrontContext,
        _ standing: inout Limits.Standing?
    ) async throws -> (user: User, token: String)? {
        let address = addresses.of(request, context)
        standing = await limits.beforeSignIn(address: address, name: name)
        try refuse(standing)
        // A name that nobody can have is not looked up, but costs the same time as one that nobody has.
        let asked = Timestamp.now
        let isPossible = Credentials.fault(inName: name) == nil
        let found = isPossible ? try await users.credentials(named: name) : nil
        let verdict = try await hasher.verify(password, against: found?.passwordHash)
        guard let found, verdict.matches, found.user.status != .banned else {
            standing = await limits.signInFailed(address: address, name: name)
            try refuse(standing)
            return nil
        }
        // Asked again: guesses that were sent together must not all be answered because none had failed yet.
        let after = await limits.beforeSignIn(address: address, name: name)
        standing = after
        try refuse(standing)
        await limits.signInSucceeded(address: address, name: name, after)
        if verdict.isOutdated { await renew(found.passwordHash, of: found.user, password) }
        // Whoever sees the id of this request in an answer finds its event by it, also one that the front made up.
        let origin = EventOrigin(traceparent: context.origin.traceparent, requestID: context.requestID)
        let event = try await intake.acceptSignIn(of: found.user, at: asked, origin: origin)
        context.debug("accepted a sign-in", ["event_id": "\(event.id)"])
        // As it was when the password was checked: a ban or a new password that came since has voided this token.
        let token = try await tokens.issue(
            for: found.user.id, tokenID: event.id, role: found.user.role,
            accountValidFrom: found.user.tokensValidFrom)
        return (found.user, token)
    }

    /// Longer ones belong to nobody and are not worth a hash.
    static func isTooLong(name: String, password: String) -> Bool {
        password.utf8.count > 4 * Credentials.passwordLength.upperBound || name.utf8.count > 1_024
    }

    private func refuse(_ standing: Limits.Standing?) throws {
        if let wait = standing?.wait { throw Problem.tooMany("Too many failed sign-ins", retryAfter: wait) }
    }

    /// Replaces a hash made with other parameters, now that the password is known. If it does not work out, the next
    /// sign-in tries again.
    private func renew(_ old: String, of user: User, _ password: String) async {
        guard let hash = try? await hasher.hash(password) else { return }
        try? await users.replaceHash(old, by: hash, of: user.id)
    }
}
