import Domain
import Postgres

/// A progress row as it follows from the events. Its last batch is told as one that counted the present streak from 0:
/// which batches there really were, the events do not say.
public struct RebuiltProgress: Sendable, Equatable {
    public let questID: Identifier
    /// The revision of the last event counted.
    public let revision: Int64
    public let progress: Progress
    public let terms: QuestTerms

    public init(questID: Identifier, revision: Int64, progress: Progress, terms: QuestTerms) {
        self.questID = questID
        self.revision = revision
        self.progress = progress
        self.terms = terms
    }

    public var limitReached: Bool { progress.isExhausted(under: terms) }
}

/// How many completions of a quest a person has on record.
public struct CompletionsOnRecord: Sendable, Equatable {
    /// The greatest number, 0 if there are none. The next completion must have a greater one, for its id has to be new.
    public let highest: Int32
    /// Those that follow from the events.
    public let explained: Int64
    /// Those with a number that the events do not lead to.
    public let surplus: Int64
}

/// Writes anew what `replay` found to be wrong, one person at a time.
public struct ProgressRebuild: Sendable {
    let postgres: PostgresClient

    public init(_ postgres: PostgresClient) {
        self.postgres = postgres
    }

    /// Runs `body` in one transaction that holds the catalog as it is, and then this person's rows.
    ///
    /// - Throws: `PostgresError`, and what `body` throws; doing it again is safe.
    public func run<Value: Sendable>(
        of userID: Identifier, _ body: @Sendable (PersonRebuild) async throws -> Value
    ) async throws -> Value {
        try await postgres.transaction(operation: "rebuild a person's progress") { transaction in
            _ = try await transaction.query("SELECT pg_advisory_xact_lock_shared(catalog.advisory_key())")
            return try await body(PersonRebuild(transaction: transaction, userID: userID))
        }
    }
}

/// The transaction in which one person is rebuilt. The order of its calls is that of a batch: catalog, progress by quest.
public struct PersonRebuild: Sendable {
    let transaction: PostgresTransaction
    public let userID: Identifier

    /// Every version of every quest and reward; none comes to it before this transaction ends.
    ///
    /// - Throws: `PostgresError`.
    public func catalog() async throws -> (quests: [Quest], rewards: [Reward]) {
        try await CatalogVersions.read(in: transaction)
    }

    /// Locks the rows of these quests, making those that are missing; what `eventCounts` then says is all that ever changed
    /// them. For a batch in flight has either written its row, and this waits for its commit, or has not, and will fold on
    /// top of the row as this transaction leaves it.
    ///
    /// One pass in the order of a batch: making rows first and locking the others after could wait for a batch that waits
    /// for a row just made.
    ///
    /// - Throws: `PostgresError`.
    public func lock(_ quests: [Identifier]) async throws {
        _ = try await transaction.query(
            """
            INSERT INTO processing.user_quest_rewards AS p (user_id, quest_id, catalog_revision, status, streak,
                duplication, last_events, last_goal, last_limit, last_start, last_completions)
            SELECT \(userID), quest_id, 0, 0, 0, 0, 0, 1, 1, 0, 0 FROM unnest(\(quests)) AS q (quest_id)
            ORDER BY quest_id
            ON CONFLICT (user_id, quest_id) DO UPDATE SET status = p.status
            """)
    }

    /// How many events of these types are recorded, by type and revision: read after `lock`, in a statement of its own.
    ///
    /// - Throws: `PostgresError`.
    public func eventCounts(types: [String]) async throws -> [VerificationSnapshot.EventCount] {
        try await transaction.query(
            """
            SELECT event_type, catalog_revision, count(*) FROM processing.events
            WHERE user_id = \(userID) AND event_type = ANY(\(types)) GROUP BY 1, 2
            """
        ).map { row in
            VerificationSnapshot.EventCount(
                type: try row.decode(0), revision: try row.decode(1), count: try row.decode(2))
        }
    }

    /// The completions of this quest that are recorded under the id made from their number; others say nothing reliable.
    ///
    /// - Parameter last: the number of the last completion that follows from the events, 0 if none does.
    /// - Throws: `PostgresError`.
    public func completions(of questID: Identifier, expectedThrough last: Int32) async throws -> CompletionsOnRecord {
        let row = try await transaction.query(
            """
            SELECT max(number), count(*) FILTER (WHERE number <= \(last)), count(*) FILTER (WHERE number > \(last))
            FROM (
                SELECT id, CASE WHEN event_data->>'completion' ~ '^[1-9][0-9]{0,8}$'
                    THEN (event_data->>'completion')::integer END AS number
                FROM processing.events WHERE user_id = \(userID) AND event_type = 'QuestCompleted'
            ) AS recorded
            WHERE id = processing.completion_id(\(userID), \(questID), number)
            """
        ).first
        return CompletionsOnRecord(
            highest: try row?.decodeIfPresent(0) ?? 0, explained: try row?.decode(1) ?? 0,
            surplus: try row?.decode(2) ?? 0)
    }

    /// - Throws: `PostgresError`.
    public func write(_ row: RebuiltProgress) async throws {
        _ = try await transaction.query(
            """
            UPDATE processing.user_quest_rewards SET catalog_revision = \(row.revision),
                status = \(Int16(row.limitReached ? 1 : 0)), streak = \(row.progress.streak),
                duplication = \(row.progress.duplication), last_events = \(row.progress.streak),
                last_goal = \(row.terms.streak), last_limit = \(row.terms.duplication), last_start = 0,
                last_completions = 0
            WHERE user_id = \(userID) AND quest_id = \(row.questID)
            """)
    }

    /// Removes a row that no event explains.
    ///
    /// - Throws: `PostgresError`.
    public func remove(_ questID: Identifier) async throws {
        _ = try await transaction.query(
            "DELETE FROM processing.user_quest_rewards WHERE user_id = \(userID) AND quest_id = \(questID)")
    }

    /// Writes down who rebuilt which quests of this person, in this transaction.
    ///
    /// - Throws: `PostgresError`.
    public func note(_ quests: [Identifier], emitted: Int, by actor: Actor = .commandLine) async throws {
        let details: AuditDetails = [
            "quest_ids": .list(quests.map { .text($0.description) }), "emitted": .number(Int64(emitted)),
        ]
        _ = try await transaction.query(
            AuditEntry(actor, "progress.rebuild", subject: "\(userID)", details: details).insertion)
    }
}
