/// The shapes of bodies, as JSON Schema (2020-12, which OpenAPI 3.1 uses).
struct ApiSchema: Sendable {
    /// Nil for a shape that stands where it is used.
    var name: String?
    let json: JSON

    /// How others refer to it.
    var reference: JSON {
        name.map { ["$ref": .string("#/components/schemas/\($0)")] } ?? json
    }

    static func list(of row: ApiSchema) -> ApiSchema {
        ApiSchema(
            json: [
                "type": "object", "required": ["data", "next_cursor"],
                "properties": [
                    "data": ["type": "array", "items": row.reference],
                    "next_cursor": ["type": ["string", "null"]],
                ],
            ])
    }

    static let boolean = ApiSchema(json: ["type": "boolean"])

    /// Every shape that has a name.
    static let named: [ApiSchema] = general + catalog + earnings + accessSchemas

    private static let general = [
        user, newUser, userChange, passwordChange, credentials, token, tokenError, signIn, accepted, progress, claim,
        walletEntry, event, deadLetter, corrections, problem,
    ]

    static let user = object(
        "User", required: ["user_id", "user_name", "status", "role", "gold", "diamond"],
        [
            ("user_id", uuid), ("user_name", ["type": ["string", "null"]]),
            ("status", about("0 new, 1 known, 2 banned", integer)), ("role", role), ("gold", integer),
            ("diamond", integer),
        ])

    static let newUser = object(
        "NewUser", required: ["user_name", "password"], [("user_name", text(1, 255)), ("password", text(8, 128))])

    static let userChange = object(
        "UserChange", required: [], [("status", about("2 bans, 1 lifts the ban", integer)), ("role", role)])

    static let passwordChange = object(
        "PasswordChange", required: ["current_password", "new_password"],
        [("current_password", string), ("new_password", text(8, 128))])

    static let credentials = object(
        "Credentials", required: ["username", "password"],
        [("grant_type", about("password, or left out", string)), ("username", string), ("password", string)])

    static let token = object(
        "Token", required: ["access_token", "token_type", "expires_in"],
        [("access_token", string), ("token_type", string), ("expires_in", about("seconds", integer))])

    static let tokenError = object(
        "TokenError", required: ["error"], [("error", string), ("error_description", string)])

    static let signIn = object(
        "SignIn", required: ["user_id"],
        [
            ("user_id", uuid),
            ("type", about("UserSignIn if left out", ["type": "string", "pattern": "^[A-Za-z][A-Za-z0-9]{0,63}$"])),
            ("event_id", about("a UUID of any version but 8; send the same again after a 503", uuid)),
            ("occurred_at", time),
        ])

    static let signIns = ApiSchema(
        json: [
            "oneOf": [
                signIn.reference,
                ["type": "array", "items": signIn.reference, "minItems": .integer(1), "maxItems": .integer(1_000)],
            ]
        ])

    static let accepted = object(
        "Accepted", required: ["accepted", "event_ids"],
        [("accepted", integer), ("event_ids", ["type": "array", "items": uuid])])

    static let progress = object(
        "Progress", required: ["quest_id", "user_id", "status", "streak", "duplication", "catalog_revision"],
        [
            ("quest_id", uuid), ("user_id", uuid), ("status", about("0 in progress, 1 limit reached", integer)),
            ("streak", integer), ("duplication", integer), ("catalog_revision", integer),
        ])

    static let claim = object(
        "Claim", required: ["claim_id", "user_id", "quest_id", "completion", "reward_item", "reward_qty", "status"],
        [
            ("claim_id", uuid), ("user_id", uuid), ("quest_id", uuid), ("completion", integer), ("reward_item", item),
            ("reward_qty", integer), ("status", ["enum": ["pending", "claimed"]]), ("created_at", time),
            ("claimed_at", ["type": ["string", "null"], "format": "date-time"]),
        ])

    static let walletEntry = object(
        "WalletEntry", required: ["entry_id", "kind", "ref", "item", "amount", "balance_after", "created_at"],
        [
            ("entry_id", integer), ("kind", ["enum": ["claim", "spend", "correction"]]), ("ref", string),
            ("item", item), ("amount", integer), ("balance_after", integer), ("created_at", time),
        ])

    static let event = object(
        "Event", required: ["id", "user_id", "event_type", "timestamp", "recorded_at", "catalog_revision"],
        [
            ("id", uuid), ("user_id", uuid), ("event_type", string), ("timestamp", time), ("recorded_at", time),
            ("catalog_revision", integer), ("event_data", ["type": ["object", "null"]]),
        ])

    static let deadLetter = object(
        "DeadLetter", required: ["id", "source", "source_id", "error", "deliveries", "fields"],
        [
            ("id", string), ("source", string), ("source_id", string), ("error", string), ("deliveries", integer),
            ("failed_at", ["type": ["string", "null"], "format": "date-time"]),
            ("fields", ["type": "object", "additionalProperties": string]),
        ])

    static let corrections = object(
        "Corrections", required: [], [("set", ["type": "object", "additionalProperties": string])])

    static let retried = ApiSchema(
        json: ["type": "object", "required": ["entry_id"], "properties": ["entry_id": string]])

    static let status = ApiSchema(json: ["type": "object"])

    static let problem = object(
        "Problem", required: ["type", "title", "status"],
        [
            ("type", string), ("title", string), ("status", integer), ("detail", string), ("request_id", string),
            (
                "errors",
                [
                    "type": "array",
                    "items": ["type": "object", "properties": ["pointer": string, "detail": string]],
                ]
            ),
        ])

    static let string: JSON = ["type": "string"]
    static let integer: JSON = ["type": "integer"]
    static let uuid: JSON = ["type": "string", "format": "uuid"]
    static let time: JSON = ["type": "string", "format": "date-time"]
    static let item: JSON = ["enum": ["gold", "diamond"]]
    static let role: JSON = ["enum": ["player", "admin"]]

    static func text(_ least: Int, _ most: Int) -> JSON {
        ["type": "string", "minLength": JSON(least), "maxLength": JSON(most)]
    }

    static func about(_ text: String, _ schema: JSON) -> JSON {
        guard case .object(let members) = schema else { return schema }
        return .object(members + [JSON.Member(name: "description", value: .string(text))])
    }

    static func object(_ name: String, required: [JSON], _ properties: [(String, JSON)]) -> ApiSchema {
        ApiSchema(
            name: name,
            json: [
                "type": "object", "required": .array(required),
                "properties": .object(properties.map { JSON.Member(name: $0.0, value: $0.1) }),
            ])
    }
}
