import Domain
import Storage

// How values look to clients; the names of the members are part of the API.

extension User {
    var json: JSON {
        [
            "user_id": JSON(id), "user_name": JSON(name), "status": JSON(status.rawValue),
            "role": .string(role.rawValue), "gold": .integer(gold), "diamond": .integer(diamond),
        ]
    }
}

extension QuestProgress {
    var json: JSON {
        [
            "quest_id": JSON(questID), "user_id": JSON(userID), "status": .integer(limitReached ? 1 : 0),
            "streak": JSON(progress.streak), "duplication": JSON(progress.duplication),
            "catalog_revision": .integer(catalogRevision),
        ]
    }
}

extension RewardClaim {
    var json: JSON {
        [
            "claim_id": JSON(id), "user_id": JSON(userID), "quest_id": JSON(questID), "completion": JSON(completion),
            "reward_item": .string(rewardItem.rawValue), "reward_qty": .integer(rewardQuantity),
            "status": .string(status.rawValue), "created_at": JSON(createdAt), "claimed_at": JSON(claimedAt),
        ]
    }
}

extension WalletEntry {
    var json: JSON {
        [
            "entry_id": .integer(id), "kind": .string(kind), "ref": .string(ref), "item": .string(item.rawValue),
            "amount": .integer(amount), "balance_after": .integer(balanceAfter), "created_at": JSON(createdAt),
        ]
    }
}

extension RecordedEvent {
    var json: JSON {
        [
            "id": JSON(id), "user_id": JSON(userID), "event_type": .string(type), "timestamp": JSON(occurredAt),
            "recorded_at": JSON(recordedAt), "catalog_revision": .integer(catalogRevision),
            "event_data": data.flatMap { try? JSONParser.parse(Array($0.utf8)) } ?? .null,
        ]
    }
}
