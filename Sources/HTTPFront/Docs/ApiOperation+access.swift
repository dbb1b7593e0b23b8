import HTTPTypes

/// Who may come in, and who did what.
extension ApiOperation {
    static let access = [
        ApiOperation(
            method: .get, path: "/api-keys", summary: "Lists API keys, revoked ones too, never the keys themselves",
            audience: .admin, status: 200, answer: .list(of: .apiKey), query: paging),
        ApiOperation(
            method: .post, path: "/api-keys", summary: "Makes an API key, which is shown this once", audience: .admin,
            status: 201, answer: .madeAPIKey, body: .newAPIKey),
        ApiOperation(
            method: .delete, path: "/api-keys/{key_id}",
            summary: "Revokes an API key: refused at once here, everywhere within 5 s", audience: .admin, status: 204),
        ApiOperation(
            method: .get, path: "/audit", summary: "Who did what, the newest first", audience: .admin, status: 200,
            answer: .list(of: .auditRecord),
            query: paging + [
                (name: "actor_id", about: "by this account or API key only"),
                (name: "action", about: "of this action only, as user.ban"),
                (name: "subject", about: "done to this only: an id, or a name where there is no id"),
                (name: "from", about: "at this RFC 3339 time or later"),
                (name: "before", about: "before this RFC 3339 time"),
            ]),
    ]
}
