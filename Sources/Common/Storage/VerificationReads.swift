import Domain
import Postgres

/// Reads the tables for `verify` and `replay`, page by page, each from one snapshot. Each statement reads one schema.
public struct VerificationReads: Sendable {
    let postgres: PostgresClient

    public init(_ postgres: PostgresClient) {
        self.postgres = postgres
    }

    /// Runs `body` in a transaction that sees the tables as they stand now and changes nothing.
    ///
    /// - Throws: `PostgresError`, and what `body` throws.
    public func snapshot<Value: Sendable>(
        _ body: @Sendable (VerificationView) async throws -> Value
    ) async throws -> Value {
        try await postgres.transaction(operation: "read a page of people") { transaction in
            // Between two statements a whole slice is compared, which may take longer than workers ever pause.
            _ = try await transaction.pipeline([
                "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY",
                "SET LOCAL statement_timeout = '5min'", "SET LOCAL idle_in_transaction_session_timeout = '5min'",
            ])
            return try await body(VerificationView(transaction: transaction))
        }
    }
}

/// The tables as one snapshot shows them.
public struct VerificationView: Sendable {
    let transaction: PostgresTransaction

    /// Every version of every quest and reward, oldest first.
    ///
    /// - Throws: `PostgresError`.
    public func catalog() async throws -> (quests: [Quest], rewards: [Reward]) {
        try await CatalogVersions.read(in: transaction)
    }

    /// A page of people from `first` on: as many as have no more than `rows` rows in any table, at least one.
    ///
    /// - Throws: `PostgresError`.
    public func page(from first: Identifier, rows: Int) async throws -> VerificationPage {
        let tables = [
            "processing.events", "processing.user_quest_rewards", "auth.reward_claims", "auth.wallet_entries",
            "auth.users",
        ]
        let ends = try await transaction.pipeline(
            tables.map { table in
                """
                SELECT user_id FROM \(unsafe: table) WHERE user_id >= \(first) ORDER BY user_id OFFSET \(rows) LIMIT 1
                """
            }
        ).compactMap { try $0.first?.decode(0, as: Identifier.self) }
        guard let end = ends.min() else {
            return VerificationPage(first: first, end: nil, isOnePerson: false, next: nil)
        }
        guard end == first else { return VerificationPage(first: first, end: end, isOnePerson: false, next: end) }
        return page(of: first)
    }

    /// The page that is this one person.
    public func page(of userID: Identifier) -> VerificationPage {
        VerificationPage(first: userID, end: nil, isOnePerson: true, next: userID.successor)
    }

    /// The slices in which the rewards of a page are read, so that about `rows` rows of a table are held at once, and as
    /// many of what is expected and may not be there.
    ///
    /// - Parameter expected: how many completions follow from the events of a page that is one person.
    /// - Throws: `PostgresError`.
    public func slices(of page: VerificationPage, rows: Int, expected: Int64) async throws -> [IdentifierSlice] {
        guard page.isOnePerson else { return IdentifierSlice.all(bits: 0) }
        let counts = try await transaction.pipeline([
            "SELECT count(*) FROM processing.events WHERE \(page.range) AND event_type = 'QuestCompleted'",
            "SELECT count(*) FROM processing.outbox WHERE \(page.range)",
            "SELECT count(*) FROM auth.reward_claims WHERE \(page.range)",
            "SELECT count(*) FROM auth.wallet_entries WHERE \(page.range) AND kind = 'claim'",
        ]).compactMap { try $0.first?.decode(0, as: Int64.self) }
        let parts = max(expected, counts.max() ?? 0) / Int64(max(1, rows))
        return IdentifierSlice.all(bits: Int64.bitWidth - parts.leadingZeroBitCount)
    }

    /// The people of a page, each as a whole. Events whose type is none of `types` are counted without it.
    ///
    /// - Throws: `PostgresError`.
    public func people(
        of page: VerificationPage, countingTypes types: [String]
    ) async throws -> [Identifier: VerificationSnapshot.Person] {
        let range = page.range
        let results = try await transaction.pipeline([
            """
            SELECT user_id, CASE WHEN event_type = ANY(\(types)) THEN event_type ELSE '' END, catalog_revision, count(*)
            FROM processing.events WHERE \(range) AND event_type <> 'QuestCompleted' GROUP BY 1, 2, 3
            """,
            """
            SELECT user_id, count(*) FROM processing.events WHERE \(range) AND event_type = 'QuestCompleted' GROUP BY 1
            """,
            "SELECT user_id, count(*) FROM auth.reward_claims WHERE \(range) GROUP BY 1",
            """
            SELECT user_id, quest_id, catalog_revision, status, streak, duplication, last_events, last_goal,
                last_limit, last_start, last_completions
            FROM processing.user_quest_rewards WHERE \(range)
            """,
            """
            SELECT user_id, event_data->>'quest_id', event_data->>'cause_id', count(*) FROM processing.events
            WHERE \(range) AND event_type = 'QuestCompleted' AND event_data->>'cause_id' IS NOT NULL
            GROUP BY 1, 2, 3 HAVING count(*) > 1
            """,
            "SELECT user_id, gold, diamond FROM auth.users WHERE \(range)",
            "SELECT user_id, item, sum(amount)::text FROM auth.wallet_entries WHERE \(range) GROUP BY 1, 2",
            """
            SELECT DISTINCT ON (user_id, item) user_id, entry_id, sum::text, balance_after
            FROM (
                SELECT user_id, item, entry_id, balance_after,
                    sum(amount) OVER (PARTITION BY user_id, item ORDER BY entry_id) AS sum
                FROM auth.wallet_entries WHERE \(range)
            ) AS chain
            WHERE sum <> balance_after ORDER BY user_id, item, entry_id
            """,
            """
            SELECT DISTINCT ON (user_id) user_id, entry_id, kind, amount FROM auth.wallet_entries
            WHERE \(range) AND (kind = 'spend' AND amount > 0 OR kind = 'claim' AND amount < 0)
            ORDER BY user_id, entry_id
            """,
        ])
        return try VerificationSnapshot.people(results)
    }

    /// The completions, claims and credits of a page whose ids fall into `slice`.
    ///
    /// - Throws: `PostgresError`.
    public func rewards(
        of page: VerificationPage, in slice: IdentifierSlice
    ) async throws -> [Identifier: VerificationSnapshot.Rewards] {
        let results = try await transaction.pipeline([
            """
            SELECT user_id, id, "timestamp", catalog_revision, event_data->>'quest_id', event_data->>'completion',
                event_data->>'cause_id', event_data->>'reward_item', event_data->>'reward_qty',
                event_data->>'auto_claim',
                recorded_at > now() - \(VerificationSnapshot.flightSeconds) * interval '1 second'
            FROM processing.events
            WHERE \(page.range) AND event_type = 'QuestCompleted' AND id BETWEEN \(slice.first) AND \(slice.last)
            """,
            """
            SELECT user_id, event_id FROM processing.outbox
            WHERE \(page.range) AND event_id BETWEEN \(slice.first) AND \(slice.last)
            """,
            """
            SELECT user_id, claim_id, quest_id, completion, reward_item, reward_qty, status, created_at, claimed_at
            FROM auth.reward_claims WHERE \(page.range) AND claim_id BETWEEN \(slice.first) AND \(slice.last)
            """,
            """
            SELECT user_id, entry_id, ref, item, amount, created_at FROM auth.wallet_entries
            WHERE \(page.range) AND kind = 'claim' AND \(slice.condition(on: "ref"))
            """,
        ])
        var rewards = try VerificationSnapshot.rewards(results)
        let ids = Set(rewards.values.flatMap { $0.completions.compactMap { $0.causeID.flatMap { Identifier($0) } } })
        let causes = try await transaction.query(
            """
            SELECT user_id, id, event_type, "timestamp", catalog_revision FROM processing.events
            WHERE id = ANY(\(ids.sorted()))
            """)
        try VerificationSnapshot.add(causes, to: &rewards)
        return rewards
    }
}
