import Domain
import Postgres

/// Reads what an explanation of one person's progress needs, from one snapshot. Each statement reads one schema.
///
/// What grows with a person's events is counted by Postgres; here come a page of events and counts by revision and type.
public struct ExplanationReads: Sendable {
    let postgres: PostgresClient

    public init(_ postgres: PostgresClient) {
        self.postgres = postgres
    }

    /// - Throws: `PostgresError`, and what `body` throws.
    public func snapshot<Value: Sendable>(
        of userID: Identifier, _ body: @Sendable (ExplanationView) async throws -> Value
    ) async throws -> Value {
        try await postgres.transaction(operation: "explain a person's progress") { transaction in
            _ = try await transaction.query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            return try await body(ExplanationView(transaction: transaction, userID: userID))
        }
    }
}

/// One person's rows as one snapshot shows them.
public struct ExplanationView: Sendable {
    /// What holds for the person as a whole.
    public struct Summary: Sendable {
        /// Events of the types asked for, by type and revision.
        public let events: [VerificationSnapshot.EventCount]
        /// The most frequent other types, at most `otherTypes` of them.
        public let otherTypes: [(type: String, count: Int64)]
        public let progress: [QuestProgress]
        /// Completions on record by the quest they name.
        public let completions: [Identifier: Int64]
    }

    public struct Event: Sendable {
        public let id: Identifier
        public let type: String
        public let occurredAt: Timestamp
        public let recordedAt: Timestamp
        public let revision: Int64
        public let position: ListPosition
    }

    /// A type that a quest listened to under a revision.
    public struct Hearing: Sendable, Hashable {
        public let questID: Identifier
        public let revision: Int64
        public let type: String

        public init(questID: Identifier, revision: Int64, type: String) {
            self.questID = questID
            self.revision = revision
            self.type = type
        }
    }

    /// The causes of a quest's completions under one revision, those that are events of that person, revision and a type
    /// that the quest listened to.
    public struct Causes: Sendable {
        public let completions: Int64
        /// How many different numbers, and different causes, they have.
        public let numbers: Int64
        public let events: Int64
        public let lowest: Int32?
        public let highest: Int32?
        /// How many were recorded before the position asked about.
        public let before: Int64
    }

    public struct Cause: Sendable {
        public let questID: Identifier
        public let revision: Int64
        public let ordinal: Int32
        public let eventID: Identifier
    }

    public struct Completion: Sendable {
        /// Nil when what is recorded is not an id.
        public let causeID: Identifier?
        public let occurredAt: Timestamp
    }

    static let otherTypes = 100

    let transaction: PostgresTransaction
    public let userID: Identifier

    /// Every version of every quest and reward, oldest first, and the present revision.
    ///
    /// - Throws: `PostgresError`.
    public func catalog() async throws -> (quests: [Quest], rewards: [Reward], revision: Int64) {
        let versions = try await CatalogVersions.read(in: transaction)
        let revision = try await transaction.query("SELECT revision FROM catalog.revision")
        return (
            quests: versions.quests, rewards: versions.rewards, revision: try revision.first?.decode(0) ?? 0
        )
    }

    /// - Throws: `PostgresError`.
    public func summary(countingTypes types: [String]) async throws -> Summary {
        let results = try await transaction.pipeline([
            """
            SELECT event_type, catalog_revision, count(*) FROM processing.events
            WHERE user_id = \(userID) AND event_type = ANY(\(types)) GROUP BY 1, 2
            """,
            """
            SELECT event_type, count(*) FROM processing.events
            WHERE user_id = \(userID) AND event_type <> ALL(\(types)) AND event_type <> 'QuestCompleted'
            GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT \(ExplanationView.otherTypes)
            """,
            """
            SELECT id, user_id, quest_id, catalog_revision, status, streak, duplication
            FROM processing.user_quest_rewards WHERE user_id = \(userID)
            """,
            """
            SELECT event_data->>'quest_id', count(*) FROM processing.events
            WHERE user_id = \(userID) AND event_type = 'QuestCompleted' GROUP BY 1
            """,
        ])
        return Summary(
            events: try results[0].map { row in
                VerificationSnapshot.EventCount(
                    type: try row.decode(0), revision: try row.decode(1), count: try row.decode(2))
            },
            otherTypes: try results[1].map { (type: try $0.decode(0), count: try $0.decode(1)) },
            progress: try results[2].map(QuestProgress.init(row:)),
            completions: try results[3].reduce(into: [:]) { completions, row in
                guard let id = try row.decodeIfPresent(0, as: String.self).flatMap({ Identifier($0) }) else { return }
                completions[id] = try row.decode(1)
            })
    }

    /// Events, the last recorded first, without completions.
    ///
    /// - Throws: `PostgresError`.
    public func events(after cursor: ListPosition?, limit: Int) async throws -> [Event] {
        var conditions: [SQL] = ["user_id = \(userID)", "event_type <> 'QuestCompleted'"]
        if let cursor { conditions.append("(recorded_at, id) < (\(cursor.time), \(cursor.id))") }
        return try await transaction.query(
            """
            SELECT id, event_type, "timestamp", recorded_at, catalog_revision,
                \(unsafe: ListPosition.microseconds(of: "recorded_at"))
            FROM processing.events WHERE \(SQL(joining: conditions, by: " AND "))
            ORDER BY recorded_at DESC, id DESC LIMIT \(limit)
            """
        ).map { row in
            let id: Identifier = try row.decode(0)
            return Event(
                id: id, type: try row.decode(1), occurredAt: try row.decode(2), recordedAt: try row.decode(3),
                revision: try row.decode(4), position: ListPosition(microseconds: try row.decode(5), id: id))
        }
    }

    /// How many events of these revisions were recorded before `position`, by type and revision.
    ///
    /// - Throws: `PostgresError`.
    public func counts(
        before position: ListPosition, revisions: [Int64], types: [String]
    ) async throws -> [VerificationSnapshot.EventCount] {
        try await transaction.query(
            """
            SELECT event_type, catalog_revision, count(*) FROM processing.events
            WHERE user_id = \(userID) AND event_type = ANY(\(types)) AND catalog_revision = ANY(\(revisions))
                AND (recorded_at, id) < (\(position.time), \(position.id))
            GROUP BY 1, 2
            """
        ).map { row in
            VerificationSnapshot.EventCount(
                type: try row.decode(0), revision: try row.decode(1), count: try row.decode(2))
        }
    }

    /// What the completions on record say about their causes, for the quests and revisions of `hearings`.
    ///
    /// - Throws: `PostgresError`.
    public func causes(
        of hearings: [Hearing], before position: ListPosition
    ) async throws -> [(questID: Identifier, revision: Int64, causes: Causes)] {
        try await transaction.query(
            """
            WITH heard AS (
                SELECT * FROM unnest(\(hearings.map(\.questID.description)), \(hearings.map(\.revision)),
                    \(hearings.map(\.type))) AS h (quest_id, catalog_revision, event_type)
            ), named AS (\(named(Set(hearings.map(\.revision)).sorted())))
            SELECT n.quest_id::uuid, n.catalog_revision, count(*), count(DISTINCT n.completion),
                count(DISTINCT e.id), min(n.completion), max(n.completion),
                count(*) FILTER (WHERE (e.recorded_at, e.id) < (\(position.time), \(position.id)))
            FROM named n
            JOIN processing.events e ON e.id::text = n.cause_id AND e.catalog_revision = n.catalog_revision
            JOIN heard h ON h.quest_id = n.quest_id AND h.catalog_revision = n.catalog_revision
                AND h.event_type = e.event_type
            WHERE e.user_id = \(userID)
            GROUP BY 1, 2
            """
        ).map { row in
            (
                questID: try row.decode(0), revision: try row.decode(1),
                causes: Causes(
                    completions: try row.decode(2), numbers: try row.decode(3), events: try row.decode(4),
                    lowest: try row.decodeIfPresent(5), highest: try row.decodeIfPresent(6),
                    before: try row.decode(7))
            )
        }
    }

    /// The completions that name one of these events as their cause.
    ///
    /// - Throws: `PostgresError`.
    public func completions(causedBy events: [Identifier], revisions: [Int64]) async throws -> [Cause] {
        try await transaction.query(
            """
            SELECT quest_id, catalog_revision, completion, cause_id FROM (\(named(revisions))) AS named
            WHERE cause_id = ANY(\(events.map(\.description))) AND completion IS NOT NULL
            """
        ).compactMap { row in
            guard let questID = Identifier(try row.decode(0, as: String.self)),
                let eventID = Identifier(try row.decode(3, as: String.self))
            else { return nil }
            return Cause(
                questID: questID, revision: try row.decode(1), ordinal: try row.decode(2), eventID: eventID)
        }
    }

    /// What the completions on record name, as text, for a damaged row may hold anything.
    private func named(_ revisions: [Int64]) -> SQL {
        """
        SELECT event_data->>'quest_id' AS quest_id, catalog_revision, event_data->>'cause_id' AS cause_id,
            CASE WHEN event_data->>'completion' ~ '^[1-9][0-9]{0,8}$'
                THEN (event_data->>'completion')::integer END AS completion
        FROM processing.events
        WHERE user_id = \(userID) AND event_type = 'QuestCompleted' AND catalog_revision = ANY(\(revisions))
        """
    }

    /// The completions of these ids that are on record.
    ///
    /// - Throws: `PostgresError`.
    public func completions(_ ids: [Identifier]) async throws -> [Identifier: Completion] {
        try await transaction.query(
            """
            SELECT id, event_data->>'cause_id', "timestamp" FROM processing.events
            WHERE id = ANY(\(ids)) AND user_id = \(userID) AND event_type = 'QuestCompleted'
            """
        ).reduce(into: [:]) { completions, row in
            completions[try row.decode(0)] = Completion(
                causeID: try row.decodeIfPresent(1, as: String.self).flatMap { Identifier($0) },
                occurredAt: try row.decode(2))
        }
    }

    /// The claims of these ids.
    ///
    /// - Throws: `PostgresError`.
    public func claims(_ ids: [Identifier]) async throws -> [Identifier: RewardClaim] {
        try await transaction.query(
            """
            SELECT \(unsafe: Claims.columns) FROM auth.reward_claims
            WHERE claim_id = ANY(\(ids)) AND user_id = \(userID)
            """
        ).reduce(into: [:]) { claims, row in
            let claim = try Claims.claim(row)
            claims[claim.id] = claim
        }
    }
}
