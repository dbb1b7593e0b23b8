import Domain
import Postgres
import Testing

@testable import Storage

/// Values that many tests need.
enum Sample {
    static func signIn(
        _ userID: Identifier, id: Identifier = .timeOrdered(at: .now), type: EventType = .signIn
    ) -> SignInEvent {
        SignInEvent(id: id, type: type, userID: userID, occurredAt: .now)
    }

    static func completion(
        of userID: Identifier = .random(), questID: Identifier = .random(), ordinal: Int32 = 1, quantity: Int64 = 10,
        item: RewardItem = .diamond, autoClaim: Bool = false
    ) -> Completion {
        Completion(
            id: Completion.id(userID: userID, questID: questID, ordinal: ordinal), userID: userID, questID: questID,
            ordinal: ordinal, rewardItem: item, rewardQuantity: quantity, autoClaim: autoClaim, catalogRevision: 2,
            causeID: .random(), occurredAt: .now)
    }

    static func book(_ postgres: PostgresClient) async throws -> QuestBook {
        try #require(try await QuestRows(postgres).book())
    }
}
