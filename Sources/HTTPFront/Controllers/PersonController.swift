import Domain
import Hummingbird
import Postgres
import Storage

/// What a person has earned: progress and claims. A person nobody has heard of has empty lists.
struct PersonController: Sendable {
    let progress: ProgressRows
    let claims: Claims
    let gate: Gate
    let hints: Hints

    func add(to routes: inout Routes) {
        routes.get("users/:user_id/progress") { request, context in
            let id = try await gate.subject(request, context, keys: true)
            let paging = try Paging(request, list: "progress")
            let cursor = try paging.position { $0.first.flatMap { Identifier($0) } }
            let rows = try await progress.list(of: id, after: cursor, limit: paging.limit + 1)
            return .list(paging.answer(rows, list: "progress", json: \.json, key: { [$0.questID.description] }))
        }
        routes.get("users/:user_id/claims") { request, context in
            let id = try await gate.subject(request, context, keys: true)
            let paging = try Paging(request, list: "claims")
            let rows = try await claims.list(
                of: id, status: try status(request), after: try paging.position(ListPosition.init),
                limit: paging.limit + 1)
            return .list(
                paging.answer(rows, list: "claims", json: \.claim.json, key: \.position.parts))
        }
        routes.post("users/:user_id/claims/:claim_id/claim") { request, context in try await claim(request, context) }
    }

    /// Somebody else who claims for a person is on record; the person themselves need not be.
    private func claim(_ request: Request, _ context: FrontContext) async throws -> Response {
        let caller = try await gate.caller(request)
        let id = try Gate.subject(of: caller, context, keys: true)
        guard let claimID = context.parameters.get("claim_id").flatMap({ Identifier($0) }) else {
            throw PersonController.noSuchClaim
        }
        var audit: AuditEntry?
        if !caller.isPerson(id) {
            audit = AuditEntry(
                caller.actor(context), "claim.claim", subject: id.description,
                details: ["claim_id": .text(claimID.description)])
        }
        do {
            guard let claim = try await claims.claim(claimID, of: id, as: audit) else {
                throw PersonController.noSuchClaim
            }
            hints.changed(id)
            return .list(claim.json)
        } catch let error as PostgresError where error.sqlState == Claims.overflow {
            throw Problem.walletFull
        }
    }

    private static let noSuchClaim = Problem.notFound("This person has no such claim")

    private func status(_ request: Request) throws -> RewardClaim.Status? {
        guard let text = try request.parameter("status") else { return nil }
        guard let status = RewardClaim.Status(rawValue: text) else {
            throw Problem.malformed("status must be pending or claimed")
        }
        return status
    }
}

extension Response {
    /// A page of a list; what one sees must not be kept for somebody else.
    static func list(_ value: JSON) -> Response {
        .json(value, headers: [.cacheControl: "no-store"])
    }
}
