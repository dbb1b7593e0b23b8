import HTTPTypes

/// What a person has earned.
extension ApiOperation {
    static let earnings = [
        ApiOperation(
            method: .get, path: "/users/{user_id}/progress", summary: "How far a person is with each quest",
            audience: .personKeyOrAdmin, status: 200, answer: .list(of: .progress), query: paging),
        ApiOperation(
            method: .get, path: "/users/{user_id}/claims", summary: "A person's rewards, newest first",
            audience: .personKeyOrAdmin, status: 200, answer: .list(of: .claim),
            query: paging + [.query("status", "only these", ["enum": ["pending", "claimed"]])]),
        ApiOperation(
            method: .post, path: "/users/{user_id}/claims/{claim_id}/claim",
            summary: "Claims a reward; a second time the same answer, and no second credit",
            audience: .personKeyOrAdmin, status: 200, answer: .claim),
        ApiOperation(
            method: .get, path: "/users/{user_id}/wallet", summary: "A person's ledger, newest first",
            audience: .personKeyOrAdmin, status: 200, answer: .list(of: .walletEntry), query: paging),
    ]
}
