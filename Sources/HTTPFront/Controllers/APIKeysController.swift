import Domain
import HTTPTypes
import Hummingbird
import Identity
import Storage

/// The keys that other servers send as `X-API-Key`, for admins. A key is shown once, when it is made; only its hash is kept.
struct APIKeysController: Sendable {
    let keys: APIKeyRows
    let gate: Gate
    let hints: Hints

    func add(to routes: inout Routes) {
        routes.get("api-keys") { request, _ in
            _ = try await gate.admin(request)
            let paging = try Paging(request, list: "api-keys")
            let cursor = try paging.position { $0.first.flatMap { Identifier($0) } }
            let rows = try await keys.list(after: cursor, limit: paging.limit + 1)
            return .list(
                paging.answer(rows, list: "api-keys", json: { .object($0.members) }, key: { [$0.id.description] }))
        }
        routes.post("api-keys") { request, context in
            let admin = try await gate.admin(request)
            return try await make(request, context, by: admin.actor(context))
        }
        routes.delete("api-keys/:key_id") { request, context in
            let admin = try await gate.admin(request)
            guard let id = context.parameters.get("key_id").flatMap({ Identifier($0) }),
                try await keys.revoke(id, by: admin.actor(context))
            else { throw Problem.notFound("There is no such API key") }
            gate.watch.list.revokeKey(id)
            hints.revoked(id)
            return Response(status: .noContent)
        }
    }

    private func make(_ request: Request, _ context: FrontContext, by actor: Actor) async throws -> Response {
        var fields = Fields(try await request.json(context))
        let name = fields.string("name")
        if fields.faults.isEmpty, let fault = Credentials.fault(inName: name) { fields.fault("name", fault) }
        fields.refuseOthers(than: ["name"])
        try fields.check()
        let key = APIKeys.generate()
        let hash = APIKeyHash(of: key)
        let row = try await keys.add(id: .timeOrdered(at: .now), name: name, hash: hash.bytes, by: actor)
        // Nobody else has drawn the same 256 bits.
        guard let row else { throw Problem.unexpected }
        gate.watch.list.add(APIKeyHolder(keyID: row.id, name: row.name), key: hash)
        hints.revoked(row.id)
        return .json(
            .object(row.members + [JSON.Member(name: "key", value: .string(key))]), status: .created,
            headers: [.cacheControl: "no-store"])
    }
}

extension APIKeyRow {
    /// Everything but the key, which nobody has.
    var members: [JSON.Member] {
        [
            JSON.Member(name: "key_id", value: JSON(id)), JSON.Member(name: "name", value: .string(name)),
            JSON.Member(name: "created_by", value: JSON(createdBy)),
            JSON.Member(name: "created_at", value: JSON(createdAt)),
            JSON.Member(name: "revoked_at", value: JSON(revokedAt)),
        ]
    }
}
