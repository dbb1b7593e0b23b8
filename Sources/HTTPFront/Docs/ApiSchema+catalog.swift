import Catalog

/// Quests and rewards.
extension ApiSchema {
    static let catalog = [quest, newQuest, questChange, reward, newReward, rewardChange]

    static let quest = object(
        "Quest",
        required: [
            "quest_id", "name", "description", "event_type", "streak", "duplication", "auto_claim", "reward_id",
            "active", "revision",
        ],
        [("quest_id", uuid)] + questTerms + [
            ("active", about("a retired quest counts nothing", boolean.json)),
            ("revision", about("of the catalog, when it was last written", integer)),
        ])

    static let newQuest = object(
        "NewQuest", required: ["name", "event_type", "streak", "duplication", "reward_id"], questTerms, closed: true)

    static let questChange = object("QuestChange", required: [], questTerms + [("active", boolean.json)], closed: true)

    static let reward = object(
        "Reward", required: ["reward_id", "reward_name", "reward_item", "reward_qty", "active", "revision"],
        [("reward_id", uuid)] + rewardTerms + [
            ("active", about("no quest can be given a retired reward", boolean.json)),
            ("revision", about("of the catalog, when it was last written", integer)),
        ])

    static let newReward = object(
        "NewReward", required: ["reward_name", "reward_item", "reward_qty"], rewardTerms, closed: true)

    static let rewardChange = object(
        "RewardChange", required: [], rewardTerms + [("active", boolean.json)], closed: true)

    private static let questTerms: [(String, JSON)] = [
        ("name", example("UserSignIn", withoutNUL(text(1, 255)))),
        ("description", example("Sign in three times", withoutNUL(text(0, CatalogRules.longestDescription)))),
        (
            "event_type",
            about(
                "of the events it counts; UserSignIn counts NewUserSignIn, too",
                [
                    "type": "string", "pattern": "^[A-Za-z][A-Za-z0-9]{0,63}$",
                    "not": ["enum": ["QuestCompleted", "NewUserSignIn"]], "examples": ["UserSignIn"],
                ])
        ),
        ("streak", about("events per completion", example(.integer(3), number(CatalogRules.streaks)))),
        ("duplication", about("completions per person", example(.integer(2), number(CatalogRules.duplications)))),
        ("auto_claim", about("whether a completion is credited at once", boolean.json)),
        ("reward_id", about("of an active reward", uuid)),
    ]

    private static let rewardTerms: [(String, JSON)] = [
        ("reward_name", example("TenDiamonds", withoutNUL(text(1, 255)))), ("reward_item", item),
        ("reward_qty", example(.integer(10), number(CatalogRules.quantities))),
    ]

    private static func number(_ range: ClosedRange<Int64>) -> JSON {
        ["type": "integer", "minimum": .integer(range.lowerBound), "maximum": .integer(range.upperBound)]
    }

    private static func withoutNUL(_ schema: JSON) -> JSON {
        guard case .object(let members) = schema else { return schema }
        return .object(members + [JSON.Member(name: "pattern", value: .string("^[^\\u0000]*$"))])
    }
}
