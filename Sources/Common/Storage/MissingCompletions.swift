import Domain
import Postgres

/// An event that may be named as the cause of a completion.
public struct CauseCandidate: Sendable, Equatable {
    public let id: Identifier
    public let occurredAt: Timestamp
    /// Which of the events of its revision that the quest counts it is, from 0, as they were recorded.
    public let place: Int64

    public init(id: Identifier, occurredAt: Timestamp, place: Int64) {
        self.id = id
        self.occurredAt = occurredAt
        self.place = place
    }
}

/// What is still known of a completion whose row is missing.
public struct CompletionTrace: Sendable, Equatable {
    /// From its outbox row.
    public var causeID: Identifier?
    /// From its claim, which has the time of the cause.
    public var occurredAt: Timestamp?

    public init(causeID: Identifier? = nil, occurredAt: Timestamp? = nil) {
        self.causeID = causeID
        self.occurredAt = occurredAt
    }
}

/// Completions that follow from the events and have no row.
extension PersonRebuild {
    /// Those of these ids that no recorded event has.
    ///
    /// - Throws: `PostgresError`.
    public func absent(among ids: [Identifier]) async throws -> Set<Identifier> {
        let found = try await transaction.query("SELECT id FROM processing.events WHERE id = ANY(\(ids))")
        return Set(ids).subtracting(try found.map { try $0.decode(0, as: Identifier.self) })
    }

    /// What the outbox and the claims still know of these completions.
    ///
    /// - Throws: `PostgresError`.
    public func traces(of ids: [Identifier]) async throws -> [Identifier: CompletionTrace] {
        let results = try await transaction.pipeline([
            "SELECT event_id, cause_id FROM processing.outbox WHERE event_id = ANY(\(ids))",
            "SELECT claim_id, created_at FROM auth.reward_claims WHERE claim_id = ANY(\(ids))",
        ])
        var traces: [Identifier: CompletionTrace] = [:]
        for row in results[0] { traces[try row.decode(0), default: CompletionTrace()].causeID = try row.decode(1) }
        for row in results[1] { traces[try row.decode(0), default: CompletionTrace()].occurredAt = try row.decode(1) }
        return traces
    }

    /// The events of these types under `revision`, in the order in which they were recorded, without those that are the
    /// cause of a completion of this quest.
    ///
    /// - Throws: `PostgresError`.
    public func causes(
        of questID: Identifier, types: [String], revision: Int64
    ) async throws -> [CauseCandidate] {
        try await transaction.query(
            """
            SELECT id, "timestamp", place FROM (
                SELECT id, "timestamp", row_number() OVER (ORDER BY recorded_at, id) - 1 AS place
                FROM processing.events
                WHERE user_id = \(userID) AND catalog_revision = \(revision) AND event_type = ANY(\(types))
            ) AS counted
            WHERE NOT EXISTS (
                SELECT FROM processing.events c
                WHERE c.user_id = \(userID) AND c.event_type = 'QuestCompleted'
                    AND c.event_data->>'quest_id' = \(questID.description)
                    AND c.event_data->>'cause_id' = counted.id::text)
            ORDER BY place
            """
        ).map { CauseCandidate(id: try $0.decode(0), occurredAt: try $0.decode(1), place: try $0.decode(2)) }
    }

    /// Records completions and puts them into the outbox, from where the relay publishes them at once.
    ///
    /// - Throws: `PostgresError`.
    public func emit(_ completions: [Completion]) async throws {
        guard !completions.isEmpty else { return }
        let columns = Completion.rows(completions)
        _ = try await transaction.pipeline([
            """
            INSERT INTO processing.events (id, user_id, event_type, "timestamp", event_data, catalog_revision)
            SELECT event_id, user_id, 'QuestCompleted', occurred_at, jsonb_build_object('quest_id', quest_id,
                'completion', completion, 'cause_id', cause_id, 'reward_item', reward_item,
                'reward_qty', reward_qty, 'auto_claim', auto_claim), catalog_revision
            FROM \(columns) ORDER BY event_id
            """,
            """
            INSERT INTO processing.outbox (\(unsafe: Completion.columns), published_at)
            SELECT \(unsafe: Completion.columns), '-infinity'::timestamptz FROM \(columns) ORDER BY event_id
            ON CONFLICT (event_id) DO UPDATE SET user_id = EXCLUDED.user_id, quest_id = EXCLUDED.quest_id,
                completion = EXCLUDED.completion, reward_item = EXCLUDED.reward_item,
                reward_qty = EXCLUDED.reward_qty, auto_claim = EXCLUDED.auto_claim,
                catalog_revision = EXCLUDED.catalog_revision, cause_id = EXCLUDED.cause_id,
                occurred_at = EXCLUDED.occurred_at, published_at = EXCLUDED.published_at
            """,
        ])
    }
}
