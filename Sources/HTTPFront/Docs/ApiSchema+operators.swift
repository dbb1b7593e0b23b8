/// What admins look at and mend.
extension ApiSchema {
    static let operations = [event, deadLetter, corrections, status, activity]

    static let event = row(
        "Event",
        [
            ("id", uuid), ("user_id", uuid), ("event_type", eventType), ("timestamp", about("when it occurred", time)),
            ("recorded_at", time), ("catalog_revision", count),
            ("event_data", about("of a QuestCompleted: quest_id, completion, cause_id", ["type": ["object", "null"]])),
        ])

    static let deadLetter = row(
        "DeadLetter",
        [
            ("id", streamID), ("source", example("quest:signins", string)), ("source_id", streamID),
            ("error", example("occurred_at is not a time", string)), ("deliveries", count),
            ("failed_at", nullable(time)),
            ("fields", about("of the entry as it came", ["type": "object", "additionalProperties": string])),
        ])

    static let corrections = object(
        "Corrections", required: [],
        [
            (
                "set",
                about(
                    "fields of the entry to replace",
                    [
                        "type": ["object", "null"], "additionalProperties": string,
                        "examples": [["occurred_at": "2026-11-23T08:30:00Z"]],
                    ])
            )
        ], closed: true)

    static let retried = ApiSchema(json: members([("entry_id", about("of the entry that was sent again", streamID))]))

    static let status = object(
        "Status",
        required: [
            "healthy", "groups", "outboxes", "losses", "loss_count", "alarms", "durability_warnings", "connections",
            "connection_warnings", "unreachable",
        ],
        [
            ("healthy", about("whether nothing needs a person", boolean.json)),
            ("groups", array(of: group)), ("outboxes", array(of: outbox)), ("dead_letters", count),
            ("losses", array(of: loss)), ("loss_count", count),
            ("alarms", about("what needs a person soon, a sentence each", array(of: string))),
            ("catalog_revision", count), ("schema_version", count),
            ("durability_warnings", about("settings of the servers weaker than promised", array(of: string))),
            (
                "connections",
                about("bounds on the connections to Postgres, and what counts against them", array(of: connections))
            ),
            ("connection_warnings", about("what may run out once all pools are full", array(of: string))),
            ("unreachable", about("what could not be asked, and why", array(of: string))),
        ])

    static let activity = row(
        "Activity",
        [
            ("interval_seconds", count), ("until", about("the end of the last interval", nullable(time))),
            ("sign_ins", rates("accepted into the stream, per second and interval, the oldest first")),
            ("events", rates("recorded, or dealt with otherwise")), ("completions", rates("of quests")),
        ])

    private static func rates(_ text: String) -> JSON {
        about(text + "; null where it cannot be told", array(of: ["type": ["number", "null"]]))
    }

    private static let group = object(
        "", required: ["stream", "group", "exists", "length", "lag", "pending", "consumers"],
        [
            ("stream", example("quest:signins", string)), ("group", example("progress", string)),
            ("exists", boolean.json), ("length", count), ("lag", about("entries not delivered yet", count)),
            ("pending", about("entries delivered and not acknowledged", count)),
            ("oldest_seconds", ["type": "number"]),
            ("consumers", array(of: members([("name", string), ("pending", count), ("idle_ms", count)]))),
        ]
    ).json

    private static let connections = members([
        ("limit", string), ("allowed", count), ("processes", count), ("pools", count), ("others", count),
    ])

    private static let outbox = members([("name", string), ("waiting", count), ("oldest_seconds", ["type": "number"])])

    private static let loss = object(
        "", required: ["id", "text", "stream", "reason", "detected_at"],
        [
            ("id", count), ("text", string), ("stream", string), ("entry_id", string), ("at_most", count),
            ("last_seen_at", string), ("reason", string), ("detected_at", string),
        ]
    ).json
}
