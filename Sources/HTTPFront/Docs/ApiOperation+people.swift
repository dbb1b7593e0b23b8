import HTTPTypes

/// Accounts.
extension ApiOperation {
    static let people = [
        ApiOperation(
            method: .post, path: "/users/signup", summary: "Makes an account", audience: .everybody, status: 201,
            answer: .user, body: .newUser, failures: [409, 429]),
        ApiOperation(
            method: .get, path: "/users", summary: "Lists accounts", audience: .admin, status: 200,
            answer: .list(of: .user, [("count", ApiSchema.count)]),
            query: paging + [
                .query(
                    "user_name", "only names that begin with this",
                    ["type": "string", "maxLength": .integer(255), "examples": ["an"]])
            ]),
        ApiOperation(
            method: .post, path: "/users", summary: "Makes an account for somebody", audience: .admin, status: 201,
            answer: .user, body: .newUser, failures: [409]),
        ApiOperation(
            method: .get, path: "/users/{user_id}", summary: "Reads an account; one's own is also called me",
            audience: .themselvesOrAdmin, status: 200, answer: .user),
        ApiOperation(
            method: .get, path: "/users/{user_id}/live",
            summary: "Follows a person by Server-Sent Events: each `snapshot` is all there is, its id says which",
            audience: .themselvesOrAdmin, status: 200, answer: .events, headers: [.lastEventID],
            mediaType: "text/event-stream"),
        ApiOperation(
            method: .patch, path: "/users/{user_id}", summary: "Bans, lifts a ban, or changes a role",
            audience: .admin, status: 200, answer: .user, body: .userChange, failures: [409]),
        ApiOperation(
            method: .put, path: "/users/{user_id}/password",
            summary: "Sets one's own password and ends every session", audience: .token, status: 204,
            body: .passwordChange, failures: [409, 429]),
    ]
}
