import Domain
import Postgres

/// What became of a batch.
public struct RecordedBatch: Sendable {
    /// Which events were new; the others had been recorded before.
    public fileprivate(set) var new: Inserted
    /// The completions these events made, committed together with them, to be published now.
    public fileprivate(set) var completions: [Completion]

    public var inserted: Int { new.count }
}

/// The event table with the progress and the completions that follow from it.
public struct EventStore: Sendable {
    /// SQLSTATE of a batch whose quests are not those of the catalog's present revision; nothing was changed.
    public static let staleCatalog = "QL001"

    let postgres: PostgresClient
    private let roundTrips: SharedRoundTrips

    public init(_ postgres: PostgresClient) {
        self.postgres = postgres
        roundTrips = SharedRoundTrips(postgres, operation: EventStore.recording, limit: 2)
    }

    private static let recording = "record a batch"

    /// Records the events, counts those that are new, and writes progress, completions and their outbox rows, in one
    /// transaction and one round trip.
    ///
    /// Locks are taken in one order everywhere: the catalog revision (shared), events by id, progress by person and
    /// quest. The revision is written with the events, so it is held before the first of them. Progress is folded by
    /// ON CONFLICT DO UPDATE, which waits for the row and then reads its current version, not that of the statement's
    /// snapshot.
    ///
    /// - Parameter events: no two with the same id, in the order of the stream.
    /// - Throws: `PostgresError`; with SQLSTATE `staleCatalog` when `book` is not at the catalog's revision.
    public func record(_ events: [SignInEvent], under book: QuestBook) async throws -> RecordedBatch {
        guard !events.isEmpty else { return RecordedBatch(new: .none, completions: []) }
        let statements = [EventStore.recordStatement(events, book)]
        let results =
            events.count <= SharedRoundTrips.fewRows
            ? try await roundTrips.transaction(statements)
            : try await postgres.transaction(statements, operation: EventStore.recording)
        return try EventStore.decode(results[0], of: events.count)
    }

    /// Of these events, those whose id is recorded for another person or another type.
    ///
    /// - Throws: `PostgresError`.
    public func conflicts(among events: [SignInEvent]) async throws -> [SignInEvent] {
        let recorded = try await contents(of: events)
        return events.filter { event in
            recorded[event.id].map { $0.userID != event.userID || $0.type != event.type.name } ?? false
        }
    }

    /// Of these events, the ids of those that are recorded, for the same person and with the same type.
    ///
    /// - Throws: `PostgresError`.
    public func recorded(among events: [SignInEvent]) async throws -> Set<Identifier> {
        let recorded = try await contents(of: events)
        return Set(
            events.lazy.filter { event in
                recorded[event.id].map { $0.userID == event.userID && $0.type == event.type.name } ?? false
            }.map(\.id))
    }

    /// What is recorded under the ids of these events.
    private func contents(
        of events: [SignInEvent]
    ) async throws -> [Identifier: (userID: Identifier, type: String)] {
        let rows = try await postgres.query(
            "SELECT id, user_id, event_type FROM processing.events WHERE id = ANY(\(events.map(\.id)))",
            operation: "compare duplicates")
        var recorded: [Identifier: (userID: Identifier, type: String)] = [:]
        for row in rows {
            recorded[try row.decode(0)] = (userID: try row.decode(1), type: try row.decode(2))
        }
        return recorded
    }

    private static func decode(_ rows: PostgresResult, of count: Int) throws -> RecordedBatch {
        var batch = RecordedBatch(new: .none, completions: [])
        for row in rows {
            if let id = try row.decodeIfPresent(2, as: Identifier.self) {
                batch.completions.append(try Completion(id: id, row: row, from: 3))
            } else {
                batch.new = try Inserted(row, of: count)
            }
        }
        return batch
    }

    /// The one statement of a batch. What was inserted tells what follows.
    static func recordStatement(_ events: [SignInEvent], _ book: QuestBook) -> SQL {
        let quests = book.pages
        return """
            WITH batch AS (
                SELECT * FROM unnest(\(events.map(\.id)), \(events.map(\.userID)), \(events.map(\.type.name)),
                    \(events.map(\.occurredAt)), \(EventStore.origins(of: events)))
                    WITH ORDINALITY AS e (id, user_id, event_type, occurred_at, origin, place)
            ), quests AS (
                SELECT * FROM unnest(\(quests.map(\.quest.id)), \(quests.map(\.quest.eventType)),
                    \(quests.map(\.quest.terms.streak)), \(quests.map(\.quest.terms.duplication)),
                    \(quests.map(\.reward.item.rawValue)), \(quests.map(\.reward.quantity)),
                    \(quests.map(\.quest.autoClaim)))
                    AS q (quest_id, event_type, goal, max_completions, reward_item, reward_qty, auto_claim)
            ), inserted AS (
                INSERT INTO processing.events (id, user_id, event_type, "timestamp", event_data, catalog_revision)
                SELECT id, user_id, event_type, occurred_at, origin::jsonb,
                    (SELECT catalog.hold_revision(\(book.revision), \(book.edition)))
                FROM batch ORDER BY id
                ON CONFLICT (id) DO NOTHING
                RETURNING id, user_id, event_type, "timestamp"
            ), \(unsafe: Set(events.map(\.userID)).count == events.count ? onePerPerson : gathered), counted AS (
                SELECT g.user_id, g.events, g.ids, g.times,
                    q.quest_id, q.goal, q.max_completions, q.reward_item, q.reward_qty, q.auto_claim
                FROM gathered g JOIN quests q ON q.event_type = g.event_type
            ), progressed AS (
                INSERT INTO processing.user_quest_rewards AS p (user_id, quest_id, catalog_revision, status, streak,
                    duplication, last_events, last_goal, last_limit, last_start, last_completions)
                SELECT user_id, quest_id, \(book.revision), \(unsafe: freshRow)
                FROM counted ORDER BY user_id, quest_id
                ON CONFLICT (user_id, quest_id) DO UPDATE SET \(unsafe: knownRow)
                WHERE p.duplication < EXCLUDED.last_limit OR p.streak <> 0 OR p.status <> 1
                    OR p.catalog_revision <> EXCLUDED.catalog_revision
                RETURNING user_id, quest_id, duplication, last_start, last_completions
            ), completed AS (
                SELECT p.user_id, p.quest_id, p.duplication - p.last_completions + nth AS completion,
                    c.ids[nth * c.goal - p.last_start] AS cause_id, c.times[nth * c.goal - p.last_start] AS occurred_at,
                    c.reward_item, c.reward_qty, c.auto_claim
                FROM (SELECT * FROM progressed WHERE last_completions > 0) p
                JOIN counted c ON c.user_id = p.user_id AND c.quest_id = p.quest_id
                CROSS JOIN generate_series(1, p.last_completions) AS nth
            ), identified AS (
                SELECT processing.completion_id(user_id, quest_id, completion) AS id, * FROM completed
            ), recorded AS (
                INSERT INTO processing.events (id, user_id, event_type, "timestamp", event_data, catalog_revision)
                SELECT id, user_id, 'QuestCompleted', occurred_at, jsonb_build_object('quest_id', quest_id,
                    'completion', completion, 'cause_id', cause_id, 'reward_item', reward_item,
                    'reward_qty', reward_qty, 'auto_claim', auto_claim), \(book.revision)
                FROM identified
            ), outboxed AS (
                INSERT INTO processing.outbox (event_id, user_id, quest_id, completion, reward_item, reward_qty,
                    auto_claim, catalog_revision, cause_id, occurred_at)
                SELECT id, user_id, quest_id, completion, reward_item, reward_qty, auto_claim, \(book.revision),
                    cause_id, occurred_at
                FROM identified
                RETURNING \(unsafe: Completion.columns)
            )
            SELECT \(Inserted.columns(id: "id", of: events.count))\(unsafe: Completion.noColumns) FROM inserted
            UNION ALL SELECT NULL, NULL, o.* FROM outboxed o
            """
    }

    private static let countedType =
        "CASE event_type WHEN 'NewUserSignIn' THEN 'UserSignIn' ELSE event_type END AS event_type"

    /// What was inserted, by person and type: how many, and which in the order of the stream, which says which of them
    /// filled a streak. RETURNING tells them by id; only of those who have several is the order looked up.
    private static let gathered = """
        grouped AS (
            SELECT user_id, \(countedType), count(*)::integer AS events, array_agg(id) AS ids, array_agg("timestamp") AS times
            FROM inserted GROUP BY 1, 2
        ), ordered AS (
            SELECT g.user_id, g.event_type, array_agg(b.id ORDER BY b.place) AS ids,
                array_agg(b.occurred_at ORDER BY b.place) AS times
            FROM (SELECT user_id, event_type, unnest(ids) AS id FROM grouped WHERE events > 1) g
            JOIN batch b ON b.id = g.id
            GROUP BY 1, 2
        ), gathered AS (
            SELECT g.user_id, g.event_type, g.events, coalesce(o.ids, g.ids) AS ids, coalesce(o.times, g.times) AS times
            FROM grouped g LEFT JOIN ordered o ON o.user_id = g.user_id AND o.event_type = g.event_type
        )
        """

    /// As `gathered` where no two events are of one person, as in most small batches: Postgres has less to set up.
    private static let onePerPerson = """
        gathered AS (
            SELECT user_id, \(countedType), 1 AS events, ARRAY[id] AS ids, ARRAY["timestamp"] AS times FROM inserted
        )
        """

    /// Nothing at all when no request named anything, as usual: what an array lacks is NULL.
    private static func origins(of events: [SignInEvent]) -> [String?] {
        events.contains { !$0.origin.isUnnamed } ? events.map(\.origin.eventData) : []
    }

    /// A person's first row for a quest. Made once: written out it is long, and every batch has it.
    private static let freshRow = {
        let fold = Fold(events: "events", goal: "goal", limit: "max_completions")
        return """
            \(fold.statusAfter), \(fold.streakAfter), \(fold.duplicationAfter), \(fold.countedEvents), goal,
                max_completions, \(fold.start), \(fold.completions)
            """
    }()

    /// What becomes of a row that is there, from its locked version.
    private static let knownRow = {
        let fold = Fold(
            streak: "p.streak", duplication: "p.duplication", events: "EXCLUDED.last_events",
            goal: "EXCLUDED.last_goal", limit: "EXCLUDED.last_limit")
        return """
            status = \(fold.statusAfter), streak = \(fold.streakAfter), duplication = \(fold.duplicationAfter),
                catalog_revision = EXCLUDED.catalog_revision, last_events = \(fold.countedEvents),
                last_goal = EXCLUDED.last_goal, last_limit = EXCLUDED.last_limit, last_start = \(fold.start),
                last_completions = \(fold.completions)
            """
    }()
}

extension Completion {
    /// The columns of `processing.outbox` in the order in which `init(id:row:from:)` reads them.
    static let columns = """
        event_id, user_id, quest_id, completion, reward_item, reward_qty, auto_claim, catalog_revision, cause_id, \
        occurred_at
        """

    /// In place of `columns`, where a row of the same result tells something else.
    static let noColumns = String(repeating: ", NULL", count: columns.split(separator: ",").count)

    /// Reads what follows the id in `columns`, from column `first` on.
    init(id: Identifier, row: PostgresRow, from first: Int) throws {
        self.init(
            id: id, userID: try row.decode(first), questID: try row.decode(first + 1),
            ordinal: try row.decode(first + 2), rewardItem: try RewardItem(row: row, column: first + 3),
            rewardQuantity: try row.decode(first + 4), autoClaim: try row.decode(first + 5),
            catalogRevision: try row.decode(first + 6), causeID: try row.decode(first + 7),
            occurredAt: try row.decode(first + 8))
    }
}

extension EventOrigin {
    /// What the row of an event tells of it, a JSON object; nil for nothing. None of the characters it may have needs
    /// escaping.
    var eventData: String? {
        let members = [("traceparent", traceparent), ("request_id", requestID)].compactMap { name, value in
            value.map { "\"\(name)\":\"\($0)\"" }
        }
        return members.isEmpty ? nil : "{" + members.joined(separator: ",") + "}"
    }
}

extension RewardItem {
    /// - Throws: `PostgresError` with code `.decoding` for a name that is not an item's.
    init(row: PostgresRow, column: Int) throws {
        let name: String = try row.decode(column)
        guard let item = RewardItem(rawValue: name) else {
            throw PostgresError(.decoding, operation: "read column \(column)", message: "is not a reward item")
        }
        self = item
    }
}
