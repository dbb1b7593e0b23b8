import Operations

/// Wallet entries and explanations.
extension ApiSchema {
    static let earnings = [
        walletSpend, walletCorrection, standing, explainedCompletion, explainedQuest, explainedEvent, explanation,
    ]

    static let walletPosting = ApiSchema(json: ["anyOf": [walletSpend.reference, walletCorrection.reference]])

    static let walletSpend = posting(
        "WalletSpend", kind: "spend",
        about(
            "what it takes away",
            [
                "type": "integer", "minimum": .integer(1), "maximum": .integer(WalletController.largestAmount),
                "examples": [.integer(5)],
            ]))

    static let walletCorrection = posting(
        "WalletCorrection", kind: "correction",
        about(
            "what it adds, or takes away if negative",
            [
                "type": "integer", "minimum": .integer(-WalletController.largestAmount),
                "maximum": .integer(WalletController.largestAmount), "not": ["const": .integer(0)],
                "examples": [.integer(5)],
            ]))

    private static func posting(_ name: String, kind: JSON, _ amount: JSON) -> ApiSchema {
        object(
            name, required: ["kind", "ref", "item", "amount"],
            [
                ("kind", ["const": kind]),
                (
                    "ref",
                    about(
                        "your name for it, unique within its kind: the same again writes nothing",
                        text(1, 255, pattern: "^[^\\u0000-\\u001f\\u007f-\\u009f]*$", example: "order-4711"))
                ),
                ("item", item), ("amount", amount),
                (
                    "note",
                    about(
                        "for the audit log",
                        nullable(
                            text(
                                0, WalletController.longestNote, pattern: "^[^\\u0000]*$",
                                example: "a sword")))
                ),
            ], closed: true)
    }

    private static let uuids: JSON = ["type": "array", "items": uuid]

    static let standing = object(
        "Standing", required: ["status", "streak", "duplication", "catalog_revision"],
        [
            ("status", about("0 in progress, 1 limit reached", integer)), ("streak", count), ("duplication", count),
            ("catalog_revision", integer),
        ])

    static let explainedCompletion = object(
        "ExplainedCompletion",
        required: [
            "completion", "completion_id", "cause_id", "occurred_at", "catalog_revision", "goal", "event_ids", "claim",
        ],
        [
            ("completion", about("which one it is, from 1", integer)), ("completion_id", uuid),
            ("cause_id", about("the event that filled it", ["type": ["string", "null"], "format": "uuid"])),
            ("occurred_at", ["type": ["string", "null"], "format": "date-time"]), ("catalog_revision", integer),
            ("goal", about("how many events it has", integer)),
            ("event_ids", about("those of them that stand on this page, the first one first", uuids)),
            ("claim", nullable(claim.reference)),
        ])

    static let explainedQuest = object(
        "ExplainedQuest",
        required: [
            "quest_id", "name", "active", "event_type", "goal", "limit", "status", "streak", "duplication",
            "catalog_revision", "differs", "stored", "counted", "not_counted", "streak_event_ids", "completions",
            "next",
        ],
        [
            ("quest_id", uuid), ("name", string), ("active", boolean.json), ("event_type", string),
            ("goal", about("events per completion, as the quest is now", integer)),
            ("limit", about("completions per person, as the quest is now", integer)),
            ("status", about("0 in progress, 1 limit reached", integer)), ("streak", count), ("duplication", count),
            ("catalog_revision", about("of the last event that the quest listened to", integer)),
            (
                "differs",
                about("whether the tables say anything else than what follows from the events", boolean.json)
            ),
            ("stored", about("what the table of progress says", nullable(standing.reference))),
            ("counted", about("events in completed streaks and in the present one", count)),
            (
                "not_counted",
                [
                    "type": "array",
                    "items": [
                        "type": "object", "required": ["reason", "count"],
                        "properties": ["reason": reason(Explanation.reasons), "count": count],
                    ],
                ]
            ),
            ("streak_event_ids", about("the events of this page that stand in the present streak", uuids)),
            (
                "completions",
                about(
                    "those to which events of this page belong, the last one first",
                    ["type": "array", "items": explainedCompletion.reference])
            ),
            (
                "next",
                about(
                    "what the next completion needs; null if there will be none as the quest is now",
                    nullable([
                        "type": "object", "required": ["needs", "event_type", "text"],
                        "properties": ["needs": count, "event_type": string, "text": string],
                    ]))
            ),
        ])

    static let explainedEvent = object(
        "ExplainedEvent",
        required: ["id", "event_type", "timestamp", "recorded_at", "catalog_revision", "counted_for", "not_counted"],
        [
            ("id", uuid), ("event_type", string), ("timestamp", time), ("recorded_at", time),
            ("catalog_revision", integer),
            (
                "counted_for",
                [
                    "type": "array",
                    "items": [
                        "type": "object", "required": ["quest_id", "completion", "place"],
                        "properties": [
                            "quest_id": uuid,
                            "completion": about("null for the present streak", ["type": ["integer", "null"]]),
                            "place": about("which event of the streak it is, from 1", integer),
                        ],
                    ],
                ]
            ),
            (
                "not_counted",
                [
                    "type": "array",
                    "items": [
                        "type": "object", "required": ["quest_id", "reason"],
                        "properties": [
                            "quest_id": [
                                "type": ["string", "null"], "format": "uuid",
                                "description": "null if no quest ever listened to this type",
                            ],
                            "reason": reason(Explanation.reasons + [Explanation.unknownType]),
                        ],
                    ],
                ]
            ),
        ])

    static let explanation = object(
        "Explanation", required: ["user_id", "catalog_revision", "quests", "events", "other_types", "next_cursor"],
        [
            ("user_id", uuid), ("catalog_revision", integer),
            ("quests", ["type": "array", "items": explainedQuest.reference]),
            (
                "events",
                about(
                    "the last recorded first; a duplicate was absorbed by its id and is none of them",
                    ["type": "array", "items": explainedEvent.reference])
            ),
            (
                "other_types",
                about(
                    "the most frequent types that no quest ever listened to",
                    [
                        "type": "array",
                        "items": [
                            "type": "object", "required": ["event_type", "count"],
                            "properties": ["event_type": string, "count": count],
                        ],
                    ])
            ),
            ("next_cursor", ["type": ["string", "null"]]),
        ])

    private static func reason(_ names: [String]) -> JSON { ["enum": .array(names.map(JSON.string))] }
}
