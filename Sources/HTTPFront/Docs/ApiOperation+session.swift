import HTTPTypes

/// Signing in and out, and ingest.
extension ApiOperation {
    static let session = [
        ApiOperation(
            method: .post, path: "/login/access-token",
            summary: "Signs in by the password form of OAuth 2; the sign-in is durable when the answer comes",
            audience: .everybody, status: 200, answer: .token, body: .credentials, isForm: true, failures: [429]),
        ApiOperation(
            method: .post, path: "/login/test-token", summary: "Tells whose token it is", audience: .token,
            status: 200, answer: .user),
        ApiOperation(
            method: .post, path: "/logout", summary: "Revokes the token", audience: .token, status: 204),
        ApiOperation(
            method: .post, path: "/sign-ins", summary: "Accepts one sign-in or up to 1,000, all or none",
            audience: .key, status: 202, answer: .accepted, body: .signIns, headers: [.idempotencyKey]),
        ApiOperation(
            method: .get, path: "/utils/health-check", summary: "Answers true", audience: .everybody, status: 200,
            answer: .boolean, needsNobody: true),
    ]
}
