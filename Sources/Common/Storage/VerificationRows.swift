import Domain
import Postgres

/// Every version of every quest and reward, which a trigger keeps.
enum CatalogVersions {
    static func read(in transaction: PostgresTransaction) async throws -> (quests: [Quest], rewards: [Reward]) {
        let results = try await transaction.pipeline([
            """
            SELECT quest_id, name, description, event_type, streak, duplication, auto_claim, reward_id, active, revision
            FROM catalog.quest_versions ORDER BY revision
            """,
            """
            SELECT reward_id, reward_name, reward_item, reward_qty, active, revision FROM catalog.reward_versions
            ORDER BY revision
            """,
        ])
        return (
            quests: try results[0].map { try QuestRows.quest($0, from: 0) },
            rewards: try results[1].map { try QuestRows.reward($0, from: 0) }
        )
    }
}

/// Rows as `VerificationView` asks for them.
extension VerificationSnapshot {
    static func people(_ results: [PostgresResult]) throws -> [Identifier: Person] {
        var people: [Identifier: Person] = [:]
        for row in results[0] {
            people[try row.decode(0), default: Person()].events.append(
                EventCount(type: try row.decode(1), revision: try row.decode(2), count: try row.decode(3)))
        }
        for row in results[1] { people[try row.decode(0), default: Person()].completionCount = try row.decode(1) }
        for row in results[2] { people[try row.decode(0), default: Person()].claimCount = try row.decode(1) }
        for row in results[3] {
            people[try row.decode(0), default: Person()].progress.append(
                ProgressRow(
                    questID: try row.decode(1), revision: try row.decode(2), status: try row.decode(3),
                    progress: Progress(streak: try row.decode(4), duplication: try row.decode(5)),
                    lastEvents: try row.decode(6), lastGoal: try row.decode(7), lastLimit: try row.decode(8),
                    lastStart: try row.decode(9), lastCompletions: try row.decode(10)))
        }
        for row in results[4] {
            people[try row.decode(0), default: Person()].sharedCauses.append(
                SharedCause(questID: try row.decodeIfPresent(1), causeID: try row.decode(2), count: try row.decode(3)))
        }
        for row in results[5] {
            people[try row.decode(0), default: Person()].balances = (
                gold: try row.decode(1), diamond: try row.decode(2)
            )
        }
        for row in results[6] {
            let item: String = try row.decode(1)
            people[try row.decode(0), default: Person()].ledger[item] = try row.decode(2)
        }
        for row in results[7] {
            people[try row.decode(0), default: Person()].breaks.append(
                LedgerBreak(entryID: try row.decode(1), sum: try row.decode(2), balanceAfter: try row.decode(3)))
        }
        for row in results[8] {
            people[try row.decode(0), default: Person()].reversed = ReversedEntry(
                entryID: try row.decode(1), kind: try row.decode(2), amount: try row.decode(3))
        }
        return people
    }

    static func rewards(_ results: [PostgresResult]) throws -> [Identifier: Rewards] {
        var rewards: [Identifier: Rewards] = [:]
        for row in results[0] {
            rewards[try row.decode(0), default: Rewards()].completions.append(
                CompletionRow(
                    id: try row.decode(1), occurredAt: try row.decode(2), revision: try row.decode(3),
                    questID: try row.decodeIfPresent(4), ordinal: try row.decodeIfPresent(5),
                    causeID: try row.decodeIfPresent(6), rewardItem: try row.decodeIfPresent(7),
                    rewardQuantity: try row.decodeIfPresent(8), autoClaim: try row.decodeIfPresent(9),
                    isYoung: try row.decode(10)))
        }
        for row in results[1] { rewards[try row.decode(0), default: Rewards()].outbox.insert(try row.decode(1)) }
        for row in results[2] {
            rewards[try row.decode(0), default: Rewards()].claims.append(
                ClaimRow(
                    id: try row.decode(1), questID: try row.decode(2), ordinal: try row.decode(3),
                    rewardItem: try row.decode(4), rewardQuantity: try row.decode(5), status: try row.decode(6),
                    createdAt: try row.decode(7), claimedAt: try row.decodeIfPresent(8)))
        }
        for row in results[3] {
            rewards[try row.decode(0), default: Rewards()].entries.append(
                EntryRow(
                    id: try row.decode(1), ref: try row.decode(2), item: try row.decode(3), amount: try row.decode(4),
                    createdAt: try row.decode(5)))
        }
        return rewards
    }

    /// Gives each completion what the event says that is named as its cause, if it is one of the same person.
    static func add(_ causes: PostgresResult, to rewards: inout [Identifier: Rewards]) throws {
        var byPerson: [Identifier: [Identifier: Cause]] = [:]
        for row in causes {
            byPerson[try row.decode(0), default: [:]][try row.decode(1)] = Cause(
                type: try row.decode(2), occurredAt: try row.decode(3), revision: try row.decode(4))
        }
        for (userID, causes) in byPerson {
            guard var own = rewards[userID] else { continue }
            for index in own.completions.indices {
                own.completions[index].cause = own.completions[index].causeID
                    .flatMap { Identifier($0) }.flatMap { causes[$0] }
            }
            rewards[userID] = own
        }
    }
}
