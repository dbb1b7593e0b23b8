/// What a person has earned.
extension ApiSchema {
    static let earned = [progress, claim, walletEntry]

    static let progress = row(
        "Progress",
        [
            ("quest_id", uuid), ("user_id", uuid),
            ("status", about("0 in progress, 1 limit reached", ["enum": [.integer(0), .integer(1)]])),
            ("streak", about("events since the last completion", count)),
            ("duplication", about("completions so far", count)), ("catalog_revision", count),
        ])

    static let claim = row(
        "Claim",
        [
            ("claim_id", uuid), ("user_id", uuid), ("quest_id", uuid),
            ("completion", about("1 for the first", ["type": "integer", "minimum": .integer(1)])),
            ("reward_item", item),
            ("reward_qty", ["type": "integer", "minimum": .integer(1), "examples": [.integer(10)]]),
            ("status", ["enum": ["pending", "claimed"]]), ("created_at", time), ("claimed_at", nullable(time)),
        ])

    static let walletEntry = row(
        "WalletEntry",
        [
            ("entry_id", count), ("kind", ["enum": ["claim", "spend", "correction"]]),
            ("ref", about("unique within its kind", example("order-4711", string))), ("item", item),
            ("amount", about("negative when spent", integer)), ("balance_after", count), ("created_at", time),
        ])
}
