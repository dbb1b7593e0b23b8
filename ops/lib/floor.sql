-- Floor A: what Postgres alone needs for the work of a batch, one set-based statement and one commit per batch, from a
-- staging table, on the schema of the project. The rule's numbers (streak 3, duplication 2) are constants here.
-- bench_floor.py puts in :revision, and where one quest counts the events or several (:source) which it is (:quest).
-- Each batch is `EXECUTE batch (n)`.
-- Estimates of what a CTE returns are far too high, and compiling would take longer than the work.
SET jit = off;
PREPARE batch (integer) AS
WITH inserted AS (
    INSERT INTO processing.events (id, user_id, event_type, "timestamp", catalog_revision)
    SELECT id, user_id, event_type, occurred_at, :revision
    FROM bench.staging WHERE batch = $1 ORDER BY id
    ON CONFLICT (id) DO NOTHING
    RETURNING id, user_id, "timestamp"
), counted AS (
    SELECT user_id, count(*)::integer AS events, (array_agg(id))[1] AS cause_id, max("timestamp") AS occurred_at
    FROM inserted GROUP BY user_id
), progressed AS (
    INSERT INTO processing.user_quest_rewards AS p (user_id, quest_id, catalog_revision, status, streak, duplication,
        last_events, last_goal, last_limit, last_start, last_completions)
    SELECT user_id, :quest, :revision, (LEAST(events / 3, 2) = 2)::integer,
        CASE WHEN events >= 6 THEN 0 ELSE events % 3 END, LEAST(events / 3, 2),
        events, 3, 2, 0, LEAST(events / 3, 2)
    FROM :source ORDER BY user_id, :quest
    ON CONFLICT (user_id, quest_id) DO UPDATE SET
        status = (p.duplication + LEAST((p.streak + EXCLUDED.last_events) / 3, 2 - p.duplication) = 2)::integer,
        streak = CASE WHEN p.duplication + (p.streak + EXCLUDED.last_events) / 3 >= 2 THEN 0
            ELSE (p.streak + EXCLUDED.last_events) % 3 END,
        duplication = p.duplication + LEAST((p.streak + EXCLUDED.last_events) / 3, 2 - p.duplication),
        catalog_revision = EXCLUDED.catalog_revision,
        last_events = EXCLUDED.last_events,
        last_start = p.streak,
        last_completions = LEAST((p.streak + EXCLUDED.last_events) / 3, 2 - p.duplication)
    RETURNING user_id, quest_id, duplication, last_completions
), completed AS (
    SELECT md5(p.user_id::text || p.quest_id || completion)::uuid AS id, p.user_id, p.quest_id, completion, c.cause_id,
        c.occurred_at
    FROM progressed p
    JOIN counted c USING (user_id)
    CROSS JOIN generate_series(p.duplication - p.last_completions + 1, p.duplication) AS completion
    WHERE p.last_completions > 0
), recorded AS (
    INSERT INTO processing.events (id, user_id, event_type, "timestamp", event_data, catalog_revision)
    SELECT id, user_id, 'QuestCompleted', occurred_at,
        jsonb_build_object('quest_id', quest_id, 'completion', completion, 'cause_id', cause_id), :revision
    FROM completed
)
INSERT INTO processing.outbox (event_id, user_id, quest_id, completion, reward_item, reward_qty, auto_claim,
    catalog_revision, cause_id, occurred_at)
SELECT id, user_id, quest_id, completion, 'diamond', 10, false, :revision, cause_id, occurred_at
FROM completed;
