import Domain
import Hummingbird
import Storage

/// What a person has earned: progress, claims and the wallet. A person nobody has heard of has empty lists.
struct PersonController: Sendable {
    let progress: ProgressRows
    let claims: Claims
    let wallets: Wallets
    let gate: Gate

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
                of: id, status: try status(request), after: try paging.position(position), limit: paging.limit + 1)
            return .list(
                paging.answer(
                    rows, list: "claims", json: \.json, key: { [$0.createdAt.description, $0.id.description] }))
        }
        routes.post("users/:user_id/claims/:claim_id/claim") { request, context in
            let id = try await gate.subject(request, context, keys: true)
            guard let claimID = context.parameters.get("claim_id").flatMap({ Identifier($0) }),
                let claim = try await claims.claim(claimID, of: id)
            else { throw Problem.notFound("This person has no such claim") }
            return .json(claim.json)
        }
        routes.get("users/:user_id/wallet") { request, context in
            let id = try await gate.subject(request, context, keys: true)
            let paging = try Paging(request, list: "wallet")
            let cursor = try paging.position { $0.first.flatMap { Int64($0) } }
            let rows = try await wallets.entries(of: id, before: cursor, limit: paging.limit + 1)
            return .list(paging.answer(rows, list: "wallet", json: \.json, key: { [String($0.id)] }))
        }
    }

    private func status(_ request: Request) throws -> RewardClaim.Status? {
        guard let text = try request.parameter("status") else { return nil }
        guard let status = RewardClaim.Status(rawValue: text) else {
            throw Problem.malformed("status must be pending or claimed")
        }
        return status
    }

    private func position(_ parts: [String]) -> (Timestamp, Identifier)? {
        guard parts.count == 2, let time = Timestamp(rfc3339: parts[0]),
            let id = Identifier(parts[1])
        else { return nil }
        return (time, id)
    }
}

extension Response {
    /// A page of a list; what one sees must not be kept for somebody else.
    static func list(_ value: JSON) -> Response {
        .json(value, headers: [.cacheControl: "no-store"])
    }
}
