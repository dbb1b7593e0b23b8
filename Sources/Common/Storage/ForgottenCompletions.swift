import Domain
import Postgres

/// Completions on record that neither the outbox nor a claim knows: nothing would ever give their reward.
extension ProgressRebuild {
    /// Puts them back into the outbox as they are recorded, from where the relay publishes them at once. One that has a
    /// claim or a ledger entry by now is left alone, and so is one whose row does not say all that a claim needs. A claim
    /// made in the same moment does no harm: it is made once, and removes the row.
    ///
    /// - Returns: how many were put back.
    /// - Throws: `PostgresError`; doing it again is safe.
    public func putBack(_ ids: [Identifier], of userID: Identifier, by actor: Actor = .commandLine) async throws -> Int
    {
        try await postgres.transaction(operation: "put completions back into the outbox") { transaction in
            let given = try await transaction.pipeline([
                "SELECT claim_id FROM auth.reward_claims WHERE claim_id = ANY(\(ids))",
                """
                SELECT ref FROM auth.wallet_entries
                WHERE user_id = \(userID) AND kind = 'claim' AND ref = ANY(\(ids.map(\.description)))
                """,
            ])
            var done = Set(try given[0].map { try $0.decode(0, as: Identifier.self) })
            done.formUnion(try given[1].compactMap { Identifier(try $0.decode(0, as: String.self)) })
            let completions = try await transaction.query(
                """
                SELECT id, catalog_revision, "timestamp", event_data->>'quest_id', event_data->>'completion',
                    event_data->>'reward_item', event_data->>'reward_qty', event_data->>'auto_claim',
                    event_data->>'cause_id'
                FROM processing.events
                WHERE user_id = \(userID) AND event_type = 'QuestCompleted' AND id = ANY(\(ids)) ORDER BY id
                """
            ).compactMap { try Completion(recorded: $0, of: userID) }.filter { !done.contains($0.id) }
            guard !completions.isEmpty else { return 0 }
            let count = try await transaction.query(
                """
                INSERT INTO processing.outbox (\(unsafe: Completion.columns), published_at)
                SELECT \(unsafe: Completion.columns), '-infinity'::timestamptz FROM \(Completion.rows(completions))
                ORDER BY event_id ON CONFLICT (event_id) DO NOTHING RETURNING event_id
                """
            ).count
            guard count > 0 else { return 0 }
            let entry = AuditEntry(
                actor, "progress.rebuild", subject: "\(userID)", details: ["put_back": .number(Int64(count))])
            _ = try await transaction.commit(after: [entry.insertion])
            return count
        }
    }
}

extension Completion {
    /// Completions as the rows of a table `c`, with `columns`.
    static func rows(_ completions: [Completion]) -> SQL {
        """
        unnest(\(completions.map(\.id)), \(completions.map(\.userID)), \(completions.map(\.questID)),
            \(completions.map(\.ordinal)), \(completions.map(\.rewardItem.rawValue)),
            \(completions.map(\.rewardQuantity)), \(completions.map(\.autoClaim)),
            \(completions.map(\.catalogRevision)), \(completions.map(\.causeID)),
            \(completions.map(\.occurredAt)))
            AS c (\(unsafe: Completion.columns))
        """
    }

    /// Nil if the row is damaged.
    fileprivate init?(recorded row: PostgresRow, of userID: Identifier) throws {
        let id: Identifier = try row.decode(0)
        func text(_ column: Int) throws -> String { try row.decodeIfPresent(column) ?? "" }
        guard let questID = Identifier(try text(3)), let ordinal = Int32(try text(4)),
            let item = RewardItem(rawValue: try text(5)), let quantity = Int64(try text(6)), quantity > 0,
            let autoClaim = Bool(try text(7)), let causeID = Identifier(try text(8)),
            id == Completion.id(userID: userID, questID: questID, ordinal: ordinal)
        else { return nil }
        self.init(
            id: id, userID: userID, questID: questID, ordinal: ordinal, rewardItem: item, rewardQuantity: quantity,
            autoClaim: autoClaim, catalogRevision: try row.decode(1), causeID: causeID, occurredAt: try row.decode(2))
    }
}
