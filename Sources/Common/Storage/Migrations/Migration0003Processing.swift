extension Migration {
    static let processing = Migration(
        version: 3, name: "processing",
        script: """
            CREATE SCHEMA processing;

            CREATE TABLE processing.events (
                id uuid PRIMARY KEY,
                user_id uuid NOT NULL,
                "timestamp" timestamptz NOT NULL,
                recorded_at timestamptz NOT NULL DEFAULT now(),
                catalog_revision bigint NOT NULL,
                event_type text NOT NULL,
                event_data jsonb
            );
            CREATE INDEX events_by_person ON processing.events (user_id);
            CREATE INDEX events_by_time ON processing.events (recorded_at);
            COMMENT ON COLUMN processing.events."timestamp" IS 'when it occurred, as the sender says';
            CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON processing.events
                EXECUTE FUNCTION public.questline_append_only();

            CREATE TABLE processing.user_quest_rewards (
                id bigint GENERATED ALWAYS AS IDENTITY,
                user_id uuid NOT NULL,
                quest_id uuid NOT NULL,
                catalog_revision bigint NOT NULL,
                status smallint NOT NULL CHECK (status IN (0, 1)),
                streak integer NOT NULL CHECK (streak >= 0),
                duplication integer NOT NULL CHECK (duplication >= 0),
                last_events integer NOT NULL,
                last_goal integer NOT NULL,
                last_limit integer NOT NULL,
                last_start integer NOT NULL,
                last_completions integer NOT NULL,
                UNIQUE (user_id, quest_id)
            ) WITH (fillfactor = 70);
            COMMENT ON TABLE processing.user_quest_rewards IS
                'last_*: how the last batch changed the row, which tells that batch what it completed: from last_start, '
                'last_events events counted under last_goal and last_limit, making last_completions; always '
                'last_start + last_events = last_completions * last_goal + streak';
            COMMENT ON COLUMN processing.user_quest_rewards.status IS '0 in progress, 1 limit reached';

            CREATE TABLE processing.outbox (
                event_id uuid PRIMARY KEY,
                user_id uuid NOT NULL,
                quest_id uuid NOT NULL,
                cause_id uuid NOT NULL,
                occurred_at timestamptz NOT NULL,
                catalog_revision bigint NOT NULL,
                reward_qty bigint NOT NULL,
                completion integer NOT NULL,
                auto_claim boolean NOT NULL,
                reward_item text NOT NULL,
                created_at timestamptz NOT NULL DEFAULT now(),
                published_at timestamptz NOT NULL DEFAULT now()
            );
            COMMENT ON TABLE processing.outbox IS
                'completions without a claim; the relay publishes one again when its entry must be lost';

            CREATE FUNCTION processing.completion_id(user_id uuid, quest_id uuid, completion integer)
            RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
                SELECT encode(set_byte(set_byte(substr(h, 1, 16),
                    6, (get_byte(h, 6) & 15) | 128), 8, (get_byte(h, 8) & 63) | 128), 'hex')::uuid
                FROM (SELECT sha256(uuid_send(user_id) || uuid_send(quest_id) || int4send(completion)) AS h) AS hash
            $$;
            """)
}
