/// Quests and rewards.
extension ApiSchema {
    static let catalog = [quest, reward]

    private static let positive: JSON = ["type": "integer", "minimum": .integer(1)]

    static let quest = row(
        "Quest",
        [
            ("quest_id", uuid), ("name", example("UserSignIn", string)),
            ("description", example("Sign in three times", string)),
            ("event_type", about("the type of event that counts", eventType)),
            ("streak", about("events that complete it once", example(.integer(3), positive))),
            ("duplication", about("how often it can be completed", example(.integer(2), positive))),
            ("auto_claim", about("whether rewards are credited without a claim", boolean.json)), ("reward_id", uuid),
            ("active", boolean.json), ("revision", about("of the catalog, when this version was made", count)),
        ])

    static let reward = row(
        "Reward",
        [
            ("reward_id", uuid), ("reward_name", example("TenDiamonds", string)), ("reward_item", item),
            ("reward_qty", example(.integer(10), positive)), ("revision", count),
        ])
}
