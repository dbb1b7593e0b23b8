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
            audience: .personKeyOrAdmin, status: 200, answer: .claim, failures: [409]),
        ApiOperation(
            method: .get, path: "/users/{user_id}/wallet", summary: "A person's ledger, newest first",
            audience: .personKeyOrAdmin, status: 200, answer: .list(of: .walletEntry), query: paging),
        ApiOperation(
            method: .post, path: "/users/{user_id}/wallet/entries",
            summary: "Writes a spend or a correction; the same ref again is answered with 200 and writes nothing",
            audience: .keyOrAdmin, status: 201, answer: .walletEntry, body: .walletPosting, failures: [200, 409]),
        ApiOperation(
            method: .get, path: "/users/{user_id}/wallet/entries/{entry_id}", summary: "Reads an entry of the ledger",
            audience: .personKeyOrAdmin, status: 200, answer: .walletEntry),
        ApiOperation(
            method: .get, path: "/users/{user_id}/explain",
            summary: "Which events counted for which quest, which did not and why, and what comes next",
            audience: .personKeyOrAdmin, status: 200, answer: .explanation, query: paging),
    ]
}
