import Domain
import Hummingbird
import Identity
import Storage

/// Accounts: signing up, reading one's own, and what admins do with them.
struct UsersController: Sendable {
    let users: Users
    let hasher: PasswordHasher
    let limits: Limits
    let gate: Gate
    let hints: Hints
    let addresses: ClientAddress

    func add(to routes: inout Routes) {
        routes.post("users/signup") { request, context in
            let standing = await limits.countSignUp(address: addresses.of(request, context))
            var response: Response
            do {
                if let wait = standing.wait {
                    throw Problem.tooMany("Too many sign-ups from this address", retryAfter: wait)
                }
                response = try await create(request, context)
            } catch {
                response = Envelope.problem(for: error, request, context).response(requestID: context.requestID)
            }
            response.headers.tell(standing)
            return response
        }
        routes.post("users") { request, context in
            let admin = try await gate.admin(request)
            return try await create(request, context, by: admin.actor(context))
        }
        routes.get("users") { request, _ in
            _ = try await gate.admin(request)
            return try await list(request)
        }
        routes.get("users/:user_id") { request, context in
            let id = try await gate.subject(request, context, keys: false)
            guard let user = try await users.user(id) else { throw Problem.notFound("There is no such account") }
            return .json(user.json, headers: [.cacheControl: "no-store"])
        }
        routes.patch("users/:user_id") { request, context in try await change(request, context) }
        routes.put("users/:user_id/password") { request, context in try await setPassword(request, context) }
    }

    /// Gold, diamonds, status and role are nobody's to choose here: members of these names are ignored. Names are unique, so
    /// of several who ask for one at the same time one gets it, and whoever asks again makes no second account.
    private func create(
        _ request: Request, _ context: FrontContext, by actor: Actor? = nil
    ) async throws -> Response {
        var fields = Fields(try await request.json(context))
        let name = fields.string("user_name")
        let password = fields.string("password")
        if fields.faults.isEmpty {
            if let fault = Credentials.fault(inName: name) { fields.fault("user_name", fault) }
            if let fault = Credentials.fault(inPassword: password) { fields.fault("password", fault) }
        }
        try fields.check()
        let hash = try await hasher.hash(password)
        let user = try await users.create(id: .timeOrdered(at: .now), name: name, passwordHash: hash, by: actor)
        guard let user else { throw Problem.conflict("name-taken", "Somebody else has this name") }
        return .json(user.json, status: .created, headers: [.location: "/api/v1/users/\(user.id)"])
    }

    private func list(_ request: Request) async throws -> Response {
        let paging = try Paging(request, list: "users")
        let cursor = try paging.position { parts -> (id: Identifier, count: Int64?)? in
            parts.first.flatMap { Identifier($0) }.map {
                (id: $0, count: parts.dropFirst().first.flatMap { Int64($0) })
            }
        }
        let prefix = try request.parameter("user_name")
        guard prefix.map({ $0.unicodeScalars.count <= Credentials.nameLength.upperBound }) ?? true else {
            throw Problem.malformed("user_name is not the beginning of any name")
        }
        // Counted once in a walk: to count everybody costs more than to read a page.
        let count: Int64
        if let counted = cursor?.count { count = counted } else { count = try await users.count(named: prefix) }
        let page = try await users.list(named: prefix, after: cursor?.id, limit: paging.limit + 1)
        return .list(
            paging.answer(
                page, list: "users", extra: [("count", .integer(count))], json: \.json,
                key: { [$0.id.description, String(count)] }))
    }

    private func change(_ request: Request, _ context: FrontContext) async throws -> Response {
        let admin = try await gate.admin(request)
        let id = try Gate.subject(of: .person(admin), context, keys: false)
        let body = try await request.json(context)
        var fields = Fields(body)
        let banned = banned(body, &fields)
        var role: User.Role?
        if let text = fields.optionalString("role") {
            role = User.Role(rawValue: text)
            if role == nil { fields.fault("role", "must be player or admin") }
        }
        fields.refuseOthers(than: ["status", "role"])
        try fields.check()
        // The last admin could lock everybody out, himself included.
        guard id != admin.userID || (banned != true && role != .player) else {
            throw Problem.conflict("own-account", "Admins cannot ban or demote themselves")
        }
        let changed = try await users.change(id, banned: banned, role: role, by: admin.actor(context))
        guard let user = changed else { throw Problem.notFound("There is no such account") }
        gate.watch.list.voidTokens(of: id, before: user.tokensValidFrom)
        hints.revoked(id)
        hints.changed(id)
        return .json(user.json)
    }

    /// 2 bans, 1 lifts the ban; whether somebody is new is not for an admin to say.
    private func banned(_ body: JSON, _ fields: inout Fields) -> Bool? {
        switch body["status"] {
        case nil, .null: return nil
        case .integer(1): return false
        case .integer(2): return true
        default:
            fields.fault("status", "must be 2 (banned) or 1 (not banned)")
            return nil
        }
    }

    private func setPassword(_ request: Request, _ context: FrontContext) async throws -> Response {
        let bearer = try await gate.person(request)
        guard try Gate.subject(of: .person(bearer), context, keys: false) == bearer.userID else {
            throw Problem.forbidden("Only they themselves may change a password")
        }
        var fields = Fields(try await request.json(context))
        let current = fields.string("current_password")
        let new = fields.string("new_password")
        if fields.faults.isEmpty, let fault = Credentials.fault(inPassword: new) { fields.fault("new_password", fault) }
        try fields.check()
        guard let user = try await users.user(bearer.userID), let name = user.name,
            let stored = try await users.credentials(named: name)
        else { throw Problem.notFound("This account has no password") }
        // Another front may have changed it a moment ago.
        guard stored.user.status != .banned, !bearer.isVoid(from: stored.user.tokensValidFrom) else {
            throw Problem.unauthorized("Sign in again: the account has changed")
        }
        let address = addresses.of(request, context)
        try UsersController.refuse(await limits.beforeSignIn(address: address, name: name))
        guard try await hasher.verify(current, against: stored.passwordHash).matches else {
            try UsersController.refuse(await limits.signInFailed(address: address, name: name))
            fields.fault("current_password", "is not the password of this account")
            throw Problem.invalid(fields.faults)
        }
        // Asked again, as at a sign-in: whoever stole a token may send many guesses together.
        try UsersController.refuse(await limits.beforeSignIn(address: address, name: name))
        let changed = try await users.setPassword(
            try await hasher.hash(new), of: bearer.userID, replacing: stored.passwordHash, by: bearer.actor(context))
        guard let changed else {
            throw Problem.conflict("changed-meanwhile", "The password was changed by somebody else just now")
        }
        gate.watch.list.voidTokens(of: bearer.userID, before: changed.tokensValidFrom)
        hints.revoked(bearer.userID)
        return Response(status: .noContent)
    }

    private static func refuse(_ standing: Limits.Standing) throws {
        if let wait = standing.wait { throw Problem.tooMany("Too many wrong passwords", retryAfter: wait) }
    }
}
