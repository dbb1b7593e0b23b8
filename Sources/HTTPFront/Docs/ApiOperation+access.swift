import HTTPTypes

/// Who may come in, and who did what.
extension ApiOperation {
    static let access = [
        ApiOperation(
            method: .get, path: "/api-keys", summary: "Lists API keys, revoked ones too, never the keys themselves",
            audience: .admin, status: 200, answer: .list(of: .apiKey), query: paging),
        ApiOperation(
            method: .post, path: "/api-keys", summary: "Makes an API key, which is shown this once", audience: .admin,
            status: 201, answer: .madeAPIKey, body: .newAPIKey, isLocated: false),
        ApiOperation(
            method: .delete, path: "/api-keys/{key_id}",
            summary: "Revokes an API key: refused at once here, everywhere within 5 s", audience: .admin, status: 204),
        ApiOperation(
            method: .get, path: "/audit", summary: "Who did what, the newest first", audience: .admin, status: 200,
            answer: .list(of: .auditRecord),
            query: paging + [
                .query("actor_id", "by this account or API key only", ApiSchema.uuid),
                .query("action", "of this action only", ApiSchema.text(1, 255, example: "user.ban")),
                .query(
                    "subject", "done to this only: an id, or a name where there is no id",
                    ApiSchema.text(1, 255, example: "01a2060e-fa20-7fda-ba31-bc6ad5ea1083")),
                .query("from", "at this time or later", ApiSchema.time),
                .query("before", "before this time", ApiSchema.time),
                .query(
                    "order", "oldest first: then `next_cursor` is always there, and follows the log",
                    ["enum": ["newest", "oldest"], "default": "newest"]),
            ]),
    ]
}
