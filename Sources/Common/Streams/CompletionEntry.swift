import Domain
import Redis

/// How a filled streak stands in its stream. The claims worker needs nothing else.
public enum CompletionEntry {
    private static let names: [StaticString] = [
        "event_id", "type", "user_id", "quest_id", "completion", "reward_item", "reward_qty", "auto_claim",
        "catalog_revision", "cause_id", "occurred_at",
    ]

    /// Writes the fields, in the order of their names above.
    public static func write(_ completion: Completion, to command: inout RedisCommand) {
        command.append("event_id", completion.id)
        command.append("type", EventType.questCompleted.name)
        command.append("user_id", completion.userID)
        command.append("quest_id", completion.questID)
        command.append("completion", String(completion.ordinal))
        command.append("reward_item", completion.rewardItem.rawValue)
        command.append("reward_qty", String(completion.rewardQuantity))
        command.append("auto_claim", completion.autoClaim ? "true" : "false")
        command.append("catalog_revision", String(completion.catalogRevision))
        command.append("cause_id", completion.causeID)
        command.append("occurred_at", completion.occurredAt)
    }

    /// - Throws: `EntryError` naming the field that is missing or wrong.
    public static func decode(_ entry: StreamEntry) throws(EntryError) -> Completion {
        let fields = try FieldReader(entry, names)
        let id = try fields.identifier(0)
        guard id.version == 8 else { throw fields.invalid(0, "a completion's id, which has version 8") }
        guard try fields.eventType(1) == .questCompleted else { throw fields.invalid(1, "QuestCompleted") }
        guard let item = RewardItem(rawValue: try fields.required(5).validString ?? "") else {
            throw fields.invalid(5, "gold or diamond")
        }
        let autoClaim = try fields.required(7)
        guard autoClaim.equals("true") || autoClaim.equals("false") else { throw fields.invalid(7, "true or false") }
        return Completion(
            id: id, userID: try fields.identifier(2), questID: try fields.identifier(3),
            ordinal: try fields.number(4, in: 1...Int32.max, "a number from 1"), rewardItem: item,
            rewardQuantity: try fields.number(6, in: 1...Int64.max, "a number from 1"),
            autoClaim: autoClaim.equals("true"),
            catalogRevision: try fields.number(8, in: 0...Int64.max, "a number from 0"),
            causeID: try fields.identifier(9), occurredAt: try fields.timestamp(10))
    }
}
