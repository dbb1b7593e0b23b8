import Domain
import Postgres

/// Everything the tables say about the people of one range of ids, from one snapshot. Each statement reads one schema.
public struct VerificationSnapshot: Sendable {
    /// So many events of one type were recorded under one catalog revision.
    public struct EventCount: Sendable {
        public let type: String
        public let revision: Int64
        public let count: Int64
    }

    /// A QuestCompleted row, with what its cause says.
    public struct CompletionRow: Sendable {
        public let id: Identifier
        public let occurredAt: Timestamp
        public let revision: Int64
        public let questID: Identifier?
        public let ordinal: Int32?
        public let causeID: Identifier?
        public let rewardItem: String?
        public let rewardQuantity: Int64?
        public let autoClaim: Bool?
        public let causeType: String?
        public let causeOccurredAt: Timestamp?
        public let causeRevision: Int64?
        public let ageSeconds: Double
    }

    public struct ProgressRow: Sendable {
        public let questID: Identifier
        public let revision: Int64
        public let status: Int16
        public let progress: Progress
        public let lastEvents: Int32
        public let lastTerms: QuestTerms
        public let lastStart: Int32
        public let lastCompletions: Int32
    }

    public struct ClaimRow: Sendable {
        public let id: Identifier
        public let questID: Identifier
        public let ordinal: Int32
        public let rewardItem: String
        public let rewardQuantity: Int64
        public let status: String
        public let createdAt: Timestamp
        public let claimedAt: Timestamp?
    }

    public struct EntryRow: Sendable {
        public let id: Int64
        public let kind: String
        public let ref: String
        public let item: String
        public let amount: Int64
        public let balanceAfter: Int64
        public let createdAt: Timestamp
    }

    public struct Person: Sendable {
        public var events: [EventCount] = []
        public var completions: [CompletionRow] = []
        public var progress: [ProgressRow] = []
        public var claims: [ClaimRow] = []
        public var entries: [EntryRow] = []
        /// Nil when there is no account.
        public var balances: (gold: Int64, diamond: Int64)?
        /// Completions that wait for their claim.
        public var outbox: Set<Identifier> = []
    }

    public fileprivate(set) var people: [Identifier: Person] = [:]
}

/// Reads the tables for `verify`, range by range.
public struct VerificationReads: Sendable {
    let postgres: PostgresClient

    public init(_ postgres: PostgresClient) {
        self.postgres = postgres
    }

    /// Every version of every quest and reward, oldest first.
    ///
    /// - Throws: `PostgresError`.
    public func catalog() async throws -> (quests: [Quest], rewards: [Reward]) {
        let quests = try await postgres.query(
            """
            SELECT quest_id, name, description, event_type, streak, duplication, auto_claim, reward_id, active, revision
            FROM catalog.quest_versions ORDER BY revision
            """, operation: "read the versions of quests")
        let rewards = try await postgres.query(
            """
            SELECT reward_id, reward_name, reward_item, reward_qty, revision FROM catalog.reward_versions
            ORDER BY revision
            """, operation: "read the versions of rewards")
        return (
            quests: try quests.map { try QuestRows.quest($0, from: 0) },
            rewards: try rewards.map { try QuestRows.reward($0, from: 0) }
        )
    }

    /// The end of a range after `start` that holds about `events` events, or nil for the last one.
    ///
    /// - Throws: `PostgresError`.
    public func rangeEnd(after start: Identifier?, events: Int) async throws -> Identifier? {
        try await postgres.query(
            """
            SELECT user_id FROM processing.events WHERE \(start) IS NULL OR user_id > \(start)
            ORDER BY user_id OFFSET \(events) LIMIT 1
            """, operation: "divide the people"
        ).first?.decode(0)
    }

    /// What the tables say about the people after `start` up to and including `end`; nil is no bound.
    ///
    /// - Throws: `PostgresError`.
    public func snapshot(after start: Identifier?, through end: Identifier?) async throws -> VerificationSnapshot {
        // Two bounds that are always there let the planner use the indexes on user_id.
        let low = start ?? Identifier(high: 0, low: 0)
        let high = end ?? Identifier(high: .max, low: .max)
        let range: SQL =
            start == nil ? "user_id >= \(low) AND user_id <= \(high)" : "user_id > \(low) AND user_id <= \(high)"
        return try await postgres.transaction(operation: "read a range of people") { transaction in
            let results = try await transaction.pipeline([
                "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY",
                "SET LOCAL statement_timeout = '5min'",
                """
                SELECT user_id, event_type, catalog_revision, count(*) FROM processing.events
                WHERE \(range) AND event_type <> 'QuestCompleted' GROUP BY 1, 2, 3
                """,
                """
                SELECT c.user_id, c.id, c."timestamp", c.catalog_revision, (c.event_data->>'quest_id')::uuid,
                    (c.event_data->>'completion')::integer, (c.event_data->>'cause_id')::uuid,
                    c.event_data->>'reward_item', (c.event_data->>'reward_qty')::bigint,
                    (c.event_data->>'auto_claim')::boolean, e.event_type, e."timestamp",
                    e.catalog_revision, extract(epoch FROM now() - c.recorded_at)::float8
                FROM (SELECT * FROM processing.events WHERE \(range) AND event_type = 'QuestCompleted') c
                LEFT JOIN processing.events e ON e.id = (c.event_data->>'cause_id')::uuid AND e.user_id = c.user_id
                """,
                """
                SELECT user_id, quest_id, catalog_revision, status, streak, duplication, last_events, last_goal,
                    last_limit, last_start, last_completions
                FROM processing.user_quest_rewards WHERE \(range)
                """,
                "SELECT user_id, event_id FROM processing.outbox WHERE \(range)",
                """
                SELECT user_id, claim_id, quest_id, completion, reward_item, reward_qty, status, created_at, claimed_at
                FROM auth.reward_claims WHERE \(range)
                """,
                """
                SELECT user_id, entry_id, kind, ref, item, amount, balance_after, created_at
                FROM auth.wallet_entries WHERE \(range) ORDER BY entry_id
                """,
                "SELECT user_id, gold, diamond FROM auth.users WHERE \(range)",
            ])
            return try VerificationSnapshot(results: Array(results.dropFirst(2)))
        }
    }
}

extension VerificationSnapshot {
    fileprivate init(results: [PostgresResult]) throws {
        for row in results[0] {
            people[try row.decode(0), default: Person()].events.append(
                EventCount(type: try row.decode(1), revision: try row.decode(2), count: try row.decode(3)))
        }
        for row in results[1] {
            people[try row.decode(0), default: Person()].completions.append(
                CompletionRow(
                    id: try row.decode(1), occurredAt: try row.decode(2), revision: try row.decode(3),
                    questID: try row.decodeIfPresent(4), ordinal: try row.decodeIfPresent(5),
                    causeID: try row.decodeIfPresent(6), rewardItem: try row.decodeIfPresent(7),
                    rewardQuantity: try row.decodeIfPresent(8), autoClaim: try row.decodeIfPresent(9),
                    causeType: try row.decodeIfPresent(10), causeOccurredAt: try row.decodeIfPresent(11),
                    causeRevision: try row.decodeIfPresent(12), ageSeconds: try row.decode(13)))
        }
        for row in results[2] {
            people[try row.decode(0), default: Person()].progress.append(
                ProgressRow(
                    questID: try row.decode(1), revision: try row.decode(2), status: try row.decode(3),
                    progress: Progress(streak: try row.decode(4), duplication: try row.decode(5)),
                    lastEvents: try row.decode(6),
                    lastTerms: QuestTerms(streak: try row.decode(7), duplication: try row.decode(8)),
                    lastStart: try row.decode(9), lastCompletions: try row.decode(10)))
        }
        for row in results[3] {
            people[try row.decode(0), default: Person()].outbox.insert(try row.decode(1))
        }
        for row in results[4] {
            people[try row.decode(0), default: Person()].claims.append(
                ClaimRow(
                    id: try row.decode(1), questID: try row.decode(2), ordinal: try row.decode(3),
                    rewardItem: try row.decode(4), rewardQuantity: try row.decode(5), status: try row.decode(6),
                    createdAt: try row.decode(7), claimedAt: try row.decodeIfPresent(8)))
        }
        for row in results[5] {
            people[try row.decode(0), default: Person()].entries.append(
                EntryRow(
                    id: try row.decode(1), kind: try row.decode(2), ref: try row.decode(3), item: try row.decode(4),
                    amount: try row.decode(5), balanceAfter: try row.decode(6), createdAt: try row.decode(7)))
        }
        for row in results[6] {
            people[try row.decode(0), default: Person()].balances = (
                gold: try row.decode(1), diamond: try row.decode(2)
            )
        }
    }
}
