/// API keys and the audit log.
extension ApiSchema {
    static let accessSchemas = [apiKey, newAPIKey, madeAPIKey, auditRecord]

    private static let keyMembers: [(String, JSON)] = [
        ("key_id", uuid), ("name", string), ("created_by", ["type": ["string", "null"], "format": "uuid"]),
        ("created_at", time), ("revoked_at", ["type": ["string", "null"], "format": "date-time"]),
    ]

    static let apiKey = object(
        "ApiKey", required: ["key_id", "name", "created_by", "created_at", "revoked_at"], keyMembers)

    static let newAPIKey = object("NewApiKey", required: ["name"], [("name", userName)], closed: true)

    static let madeAPIKey = object(
        "MadeApiKey", required: ["key_id", "name", "created_by", "created_at", "revoked_at", "key"],
        keyMembers + [("key", about("send it as X-API-Key; it is not shown again", string))])

    static let auditRecord = object(
        "AuditRecord",
        required: ["audit_id", "actor_id", "actor", "action", "subject", "details", "request_id", "created_at"],
        [
            ("audit_id", integer),
            ("actor_id", about("null for the command line", ["type": ["string", "null"], "format": "uuid"])),
            ("actor", string), ("action", string), ("subject", string), ("details", ["type": "object"]),
            ("request_id", ["type": ["string", "null"]]), ("created_at", time),
        ])
}
