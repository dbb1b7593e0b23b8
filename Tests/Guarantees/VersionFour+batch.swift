import Domain
import Postgres

extension VersionFour {
    /// The catalog as its worker has read it, with its one quest.
    struct Book: Sendable {
        let revision: Int64
        let edition: Identifier
        let questID: Identifier
        let eventType: String
        let streak: Int32
        let duplication: Int32
        let autoClaim: Bool
        let rewardItem: String
        let rewardQuantity: Int64

        init(_ row: PostgresRow) throws {
            revision = try row.decode(0)
            edition = try row.decode(1)
            questID = try row.decode(2)
            eventType = try row.decode(3)
            streak = try row.decode(4)
            duplication = try row.decode(5)
            autoClaim = try row.decode(6)
            rewardItem = try row.decode(7)
            rewardQuantity = try row.decode(8)
        }
    }

    /// Its worker: one batch, refused with SQLSTATE QL001 when the catalog has changed meanwhile.
    static func record(_ events: [SignInEvent], under book: Book) -> [SQL] {
        ["SELECT catalog.hold_revision(\(book.revision), \(book.edition))", statement(events, book)]
    }

    private static func statement(_ events: [SignInEvent], _ book: Book) -> SQL {
        """
        WITH batch AS (
            SELECT * FROM unnest(\(events.map(\.id)), \(events.map(\.userID)), \(events.map(\.type.name)),
                \(events.map(\.occurredAt)), \(events.map { _ in String?.none }))
                WITH ORDINALITY AS e (id, user_id, event_type, occurred_at, traceparent, place)
        ), quests AS (
            SELECT * FROM unnest(\([book.questID]), \([book.eventType]),
                \([book.streak]), \([book.duplication]),
                \([book.rewardItem]), \([book.rewardQuantity]),
                \([book.autoClaim]))
                AS q (quest_id, event_type, goal, max_completions, reward_item, reward_qty, auto_claim)
        ), inserted AS (
            INSERT INTO processing.events (id, user_id, event_type, "timestamp", event_data, catalog_revision)
            SELECT id, user_id, event_type, occurred_at,
                CASE WHEN traceparent IS NOT NULL THEN jsonb_build_object('traceparent', traceparent) END,
                \(book.revision)
            FROM batch ORDER BY id
            ON CONFLICT (id) DO NOTHING
            RETURNING id
        ), counted AS (
            SELECT b.user_id, q.quest_id, q.goal, q.max_completions, q.reward_item, q.reward_qty, q.auto_claim,
                count(*)::integer AS events, array_agg(b.place ORDER BY b.place) AS places
            FROM inserted i
            JOIN batch b ON b.id = i.id
            JOIN quests q ON q.event_type =
                CASE b.event_type WHEN 'NewUserSignIn' THEN 'UserSignIn' ELSE b.event_type END
            GROUP BY 1, 2, 3, 4, 5, 6, 7
        ), progressed AS (
            INSERT INTO processing.user_quest_rewards AS p (user_id, quest_id, catalog_revision, status, streak,
                duplication, last_events, last_goal, last_limit, last_start, last_completions)
            SELECT user_id, quest_id, \(book.revision), CASE WHEN 0 + GREATEST(0, LEAST(((CASE WHEN 0 >=
                max_completions THEN 0 ELSE LEAST(0, goal - 1) END) + events) / goal, max_completions - 0)) >=
                max_completions THEN 1 ELSE 0 END, (CASE WHEN 0 + GREATEST(0, LEAST(((CASE WHEN 0 >=
                max_completions THEN 0 ELSE LEAST(0, goal - 1) END) + events) / goal, max_completions - 0)) >=
                max_completions THEN 0 ELSE (CASE WHEN 0 >= max_completions THEN 0 ELSE LEAST(0, goal - 1) END) +
                events - GREATEST(0, LEAST(((CASE WHEN 0 >= max_completions THEN 0 ELSE LEAST(0, goal - 1) END) +
                events) / goal, max_completions - 0)) * goal END),
                0 + GREATEST(0, LEAST(((CASE WHEN 0 >= max_completions THEN 0 ELSE LEAST(0, goal - 1) END) +
                    events) / goal, max_completions - 0)), GREATEST(0, LEAST(((CASE WHEN 0 >= max_completions
                    THEN 0 ELSE LEAST(0, goal - 1) END) + events) / goal, max_completions - 0)) * goal + (CASE
                    WHEN 0 + GREATEST(0, LEAST(((CASE WHEN 0 >= max_completions THEN 0 ELSE LEAST(0, goal - 1)
                    END) + events) / goal, max_completions - 0)) >= max_completions THEN 0 ELSE (CASE WHEN 0 >=
                    max_completions THEN 0 ELSE LEAST(0, goal - 1) END) + events - GREATEST(0, LEAST(((CASE WHEN
                    0 >= max_completions THEN 0 ELSE LEAST(0, goal - 1) END) + events) / goal, max_completions -
                    0)) * goal END) - (CASE WHEN 0 >= max_completions THEN 0 ELSE LEAST(0, goal - 1) END), goal,
                    max_completions, (CASE WHEN 0 >= max_completions THEN 0 ELSE LEAST(0, goal - 1) END),
                GREATEST(0, LEAST(((CASE WHEN 0 >= max_completions THEN 0 ELSE LEAST(0, goal - 1) END) + events)
                    / goal, max_completions - 0))
            FROM counted ORDER BY user_id, quest_id
            ON CONFLICT (user_id, quest_id) DO UPDATE SET
                status = CASE WHEN p.duplication + GREATEST(0, LEAST(((CASE WHEN p.duplication >=
                    EXCLUDED.last_limit THEN 0 ELSE LEAST(p.streak, EXCLUDED.last_goal - 1) END) +
                    EXCLUDED.last_events) / EXCLUDED.last_goal, EXCLUDED.last_limit - p.duplication)) >=
                    EXCLUDED.last_limit THEN 1 ELSE 0 END,
                streak = (CASE WHEN p.duplication + GREATEST(0, LEAST(((CASE WHEN p.duplication >=
                    EXCLUDED.last_limit THEN 0 ELSE LEAST(p.streak, EXCLUDED.last_goal - 1) END) +
                    EXCLUDED.last_events) / EXCLUDED.last_goal, EXCLUDED.last_limit - p.duplication)) >=
                    EXCLUDED.last_limit THEN 0 ELSE (CASE WHEN p.duplication >= EXCLUDED.last_limit THEN 0 ELSE
                    LEAST(p.streak, EXCLUDED.last_goal - 1) END) + EXCLUDED.last_events - GREATEST(0,
                    LEAST(((CASE WHEN p.duplication >= EXCLUDED.last_limit THEN 0 ELSE LEAST(p.streak,
                    EXCLUDED.last_goal - 1) END) + EXCLUDED.last_events) / EXCLUDED.last_goal,
                    EXCLUDED.last_limit - p.duplication)) * EXCLUDED.last_goal END),
                duplication = p.duplication + GREATEST(0, LEAST(((CASE WHEN p.duplication >= EXCLUDED.last_limit
                    THEN 0 ELSE LEAST(p.streak, EXCLUDED.last_goal - 1) END) + EXCLUDED.last_events) /
                    EXCLUDED.last_goal, EXCLUDED.last_limit - p.duplication)),
                catalog_revision = EXCLUDED.catalog_revision,
                last_events = GREATEST(0, LEAST(((CASE WHEN p.duplication >= EXCLUDED.last_limit THEN 0 ELSE
                    LEAST(p.streak, EXCLUDED.last_goal - 1) END) + EXCLUDED.last_events) / EXCLUDED.last_goal,
                    EXCLUDED.last_limit - p.duplication)) * EXCLUDED.last_goal + (CASE WHEN p.duplication +
                    GREATEST(0, LEAST(((CASE WHEN p.duplication >= EXCLUDED.last_limit THEN 0 ELSE
                    LEAST(p.streak, EXCLUDED.last_goal - 1) END) + EXCLUDED.last_events) / EXCLUDED.last_goal,
                    EXCLUDED.last_limit - p.duplication)) >= EXCLUDED.last_limit THEN 0 ELSE (CASE WHEN
                    p.duplication >= EXCLUDED.last_limit THEN 0 ELSE LEAST(p.streak, EXCLUDED.last_goal - 1) END)
                    + EXCLUDED.last_events - GREATEST(0, LEAST(((CASE WHEN p.duplication >= EXCLUDED.last_limit
                    THEN 0 ELSE LEAST(p.streak, EXCLUDED.last_goal - 1) END) + EXCLUDED.last_events) /
                    EXCLUDED.last_goal, EXCLUDED.last_limit - p.duplication)) * EXCLUDED.last_goal END) - (CASE
                    WHEN p.duplication >= EXCLUDED.last_limit THEN 0 ELSE LEAST(p.streak, EXCLUDED.last_goal - 1)
                    END),
                last_goal = EXCLUDED.last_goal,
                last_limit = EXCLUDED.last_limit,
                last_start = (CASE WHEN p.duplication >= EXCLUDED.last_limit THEN 0 ELSE LEAST(p.streak,
                    EXCLUDED.last_goal - 1) END),
                last_completions = GREATEST(0, LEAST(((CASE WHEN p.duplication >= EXCLUDED.last_limit THEN 0 ELSE
                    LEAST(p.streak, EXCLUDED.last_goal - 1) END) + EXCLUDED.last_events) / EXCLUDED.last_goal,
                    EXCLUDED.last_limit - p.duplication))
            WHERE p.duplication < EXCLUDED.last_limit OR p.streak <> 0 OR p.status <> 1
                OR p.catalog_revision <> EXCLUDED.catalog_revision
            RETURNING user_id, quest_id, duplication, last_start, last_completions
        ), completed AS (
            SELECT p.user_id, p.quest_id, p.duplication - p.last_completions + nth AS completion,
                c.places[nth * c.goal - p.last_start] AS place, c.reward_item, c.reward_qty, c.auto_claim
            FROM progressed p
            JOIN counted c ON c.user_id = p.user_id AND c.quest_id = p.quest_id
            CROSS JOIN generate_series(1, p.last_completions) AS nth
            WHERE p.last_completions > 0
        ), identified AS (
            SELECT processing.completion_id(c.user_id, c.quest_id, c.completion) AS id, c.*,
                b.id AS cause_id, b.occurred_at
            FROM completed c JOIN batch b ON b.place = c.place
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
            RETURNING event_id, user_id, quest_id, completion, reward_item, reward_qty, auto_claim,
                catalog_revision, cause_id, occurred_at
        )
        SELECT (SELECT count(*) FROM inserted), o.*
        FROM (SELECT 1) AS always LEFT JOIN outboxed o ON true
        """
    }
}
