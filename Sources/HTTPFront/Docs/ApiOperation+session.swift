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
            method: .post, path: "/session",
            summary: "Signs in and keeps the token in a cookie that no script can read: for pages of this address",
            audience: .everybody, status: 200, answer: .user, body: .credentialsOfSession, failures: [401, 403, 429]),
        ApiOperation(
            method: .get, path: "/session", summary: "Tells whose session it is, or null", audience: .everybody,
            status: 200, answer: .session),
        ApiOperation(
            method: .delete, path: "/session", summary: "Revokes the token, if there is one, and removes the cookie",
            audience: .everybody, status: 204, failures: [403]),
        ApiOperation(
            method: .post, path: "/sign-ins", summary: "Accepts one sign-in or up to 1,000, all or none",
            audience: .key, status: 202, answer: .accepted, body: .signIns, headers: [.idempotencyKey]),
        ApiOperation(
            method: .get, path: "/utils/health-check", summary: "Answers true", audience: .everybody, status: 200,
            answer: .boolean, needsNobody: true),
    ]
}
