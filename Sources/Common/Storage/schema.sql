CREATE SCHEMA auth;
CREATE SCHEMA catalog;
CREATE SCHEMA processing;
CREATE FUNCTION auth.next_validity(present timestamp with time zone) RETURNS timestamp with time zone
    LANGUAGE sql
    AS $$
    SELECT greatest(date_trunc('milliseconds', clock_timestamp()), present + interval '1 millisecond')
$$;
COMMENT ON FUNCTION auth.next_validity(present timestamp with time zone) IS 'now, in whole milliseconds, and always later than before';
CREATE FUNCTION auth.void_tokens() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    UPDATE auth.users SET tokens_valid_from = auth.next_validity(tokens_valid_from)
    WHERE user_id = NEW.user_id;
    RETURN NULL;
END $$;
CREATE FUNCTION catalog.advisory_key() RETURNS bigint
    LANGUAGE sql IMMUTABLE
    AS $$SELECT 5173000002$$;
CREATE FUNCTION catalog.hold_revision(expected bigint, expected_edition uuid) RETURNS bigint
    LANGUAGE plpgsql
    AS $$
DECLARE actual bigint; actual_edition uuid;
BEGIN
    PERFORM pg_advisory_xact_lock_shared(catalog.advisory_key());
    SELECT r.revision, r.edition INTO actual, actual_edition FROM catalog.revision r;
    IF actual IS DISTINCT FROM expected OR actual_edition IS DISTINCT FROM expected_edition THEN
        RAISE EXCEPTION 'the catalog is at revision %, not %', actual, expected USING ERRCODE = 'QL001';
    END IF;
    RETURN actual;
END $$;
COMMENT ON FUNCTION catalog.hold_revision(expected bigint, expected_edition uuid) IS 'keeps the catalog as it is until the transaction ends; QL001 if it is not at the revision expected';
CREATE FUNCTION catalog.keep_quest_version() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO catalog.quest_versions (quest_id, revision, name, description, event_type, streak,
        duplication, auto_claim, reward_id, active)
    VALUES (NEW.quest_id, NEW.revision, NEW.name, NEW.description, NEW.event_type, NEW.streak,
        NEW.duplication, NEW.auto_claim, NEW.reward_id, NEW.active);
    INSERT INTO catalog.outbox (subject, subject_id, revision) VALUES ('quest', NEW.quest_id, NEW.revision);
    RETURN NULL;
END $$;
CREATE FUNCTION catalog.keep_reward_version() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO catalog.reward_versions (reward_id, revision, reward_name, reward_item, reward_qty, active)
    VALUES (NEW.reward_id, NEW.revision, NEW.reward_name, NEW.reward_item, NEW.reward_qty, NEW.active);
    INSERT INTO catalog.outbox (subject, subject_id, revision) VALUES ('reward', NEW.reward_id, NEW.revision);
    RETURN NULL;
END $$;
CREATE FUNCTION catalog.raise_revision() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE made uuid;
BEGIN
    PERFORM pg_advisory_xact_lock(catalog.advisory_key());
    UPDATE catalog.revision r SET revision = r.revision + 1, edition = gen_random_uuid(), changed_at = now()
    RETURNING r.revision, r.edition INTO NEW.revision, made;
    INSERT INTO catalog.editions AS e (revision, edition) VALUES (NEW.revision, made)
    ON CONFLICT (revision) DO UPDATE SET edition = EXCLUDED.edition;
    NEW.updated_at := now();
    RETURN NEW;
END $$;
CREATE FUNCTION catalog.refuse_removal() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION '%.% rows are retired (active = false), not removed', TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = '42501';
END $$;
CREATE FUNCTION processing.completion_id(user_id uuid, quest_id uuid, completion integer) RETURNS uuid
    LANGUAGE sql IMMUTABLE
    AS $$
    SELECT encode(
        -- Version 8 in byte 6, the variant in byte 8; bits are counted from the lowest of each byte.
        set_bit(set_bit(set_bit(set_bit(set_bit(set_bit(
            substr(sha256(uuid_send(user_id) || uuid_send(quest_id) || int4send(completion)), 1, 16),
            55, 1), 54, 0), 53, 0), 52, 0), 71, 1), 70, 0), 'hex')::uuid
$$;
CREATE FUNCTION public.questline_append_only() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION '%.% is append-only', TG_TABLE_SCHEMA, TG_TABLE_NAME USING ERRCODE = '42501';
END $$;
CREATE TABLE auth.api_keys (
    key_id uuid NOT NULL,
    name text NOT NULL,
    key_hash bytea NOT NULL,
    created_by uuid,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    revoked_at timestamp with time zone,
    CONSTRAINT api_keys_name_check CHECK (((char_length(name) >= 1) AND (char_length(name) <= 255)))
);
COMMENT ON COLUMN auth.api_keys.key_hash IS 'SHA-256 of the key, which is stored nowhere';
CREATE TABLE auth.audit_log (
    audit_id bigint NOT NULL,
    actor_id uuid,
    actor text NOT NULL,
    action text NOT NULL,
    subject text NOT NULL,
    details jsonb DEFAULT '{}'::jsonb NOT NULL,
    request_id text,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);
ALTER TABLE auth.audit_log ALTER COLUMN audit_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME auth.audit_log_audit_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE auth.outbox (
    outbox_id bigint NOT NULL,
    event_id uuid NOT NULL,
    event_type text NOT NULL,
    user_id uuid NOT NULL,
    occurred_at timestamp with time zone NOT NULL,
    traceparent text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    published_at timestamp with time zone,
    request_id text,
    CONSTRAINT outbox_event_type_check CHECK ((event_type ~ '^[A-Za-z][A-Za-z0-9]{0,63}$'::text))
);
COMMENT ON TABLE auth.outbox IS 'sign-ins that are not known to be recorded yet; a row goes when its event is in the event table';
COMMENT ON COLUMN auth.outbox.published_at IS 'null: to be published; infinity: a dead letter holds the event, which must not come a second time';
ALTER TABLE auth.outbox ALTER COLUMN outbox_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME auth.outbox_outbox_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE auth.revoked_tokens (
    jti uuid NOT NULL,
    user_id uuid NOT NULL,
    revoked_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL
);
CREATE TABLE auth.reward_claims (
    claim_id uuid NOT NULL,
    user_id uuid NOT NULL,
    quest_id uuid NOT NULL,
    completion integer NOT NULL,
    reward_item text NOT NULL,
    reward_qty bigint NOT NULL,
    status text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    claimed_at timestamp with time zone,
    CONSTRAINT reward_claims_check CHECK (((status = 'claimed'::text) = (claimed_at IS NOT NULL))),
    CONSTRAINT reward_claims_completion_check CHECK ((completion >= 1)),
    CONSTRAINT reward_claims_reward_item_check CHECK ((reward_item = ANY (ARRAY['gold'::text, 'diamond'::text]))),
    CONSTRAINT reward_claims_reward_qty_check CHECK ((reward_qty >= 1)),
    CONSTRAINT reward_claims_status_check CHECK ((status = ANY (ARRAY['pending'::text, 'claimed'::text])))
)
WITH (fillfactor='90');
COMMENT ON COLUMN auth.reward_claims.claim_id IS 'the event_id of the completion';
COMMENT ON COLUMN auth.reward_claims.created_at IS 'when the streak was filled';
CREATE TABLE auth.users (
    user_id uuid NOT NULL,
    user_name text,
    password_hash text,
    status smallint DEFAULT 0 NOT NULL,
    role text DEFAULT 'player'::text NOT NULL,
    gold bigint DEFAULT 0 NOT NULL,
    diamond bigint DEFAULT 0 NOT NULL,
    first_sign_in_at timestamp with time zone,
    tokens_valid_from timestamp with time zone DEFAULT '1970-01-01 00:00:00+00'::timestamp with time zone NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT users_check CHECK (((user_name IS NULL) = (password_hash IS NULL))),
    CONSTRAINT users_diamond_check CHECK ((diamond >= 0)),
    CONSTRAINT users_gold_check CHECK ((gold >= 0)),
    CONSTRAINT users_role_check CHECK ((role = ANY (ARRAY['player'::text, 'admin'::text]))),
    CONSTRAINT users_status_check CHECK ((status = ANY (ARRAY[0, 1, 2]))),
    CONSTRAINT users_user_name_check CHECK (((char_length(user_name) >= 1) AND (char_length(user_name) <= 255)))
)
WITH (fillfactor='90');
COMMENT ON COLUMN auth.users.status IS '0 new, 1 known, 2 banned';
COMMENT ON COLUMN auth.users.tokens_valid_from IS 'tokens given out before are refused: raised by a ban, another role, a new password, or by hand';
CREATE TABLE auth.wallet_entries (
    entry_id bigint NOT NULL,
    user_id uuid NOT NULL,
    kind text NOT NULL,
    ref text NOT NULL,
    item text NOT NULL,
    amount bigint NOT NULL,
    balance_after bigint NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT wallet_entries_amount_check CHECK ((amount <> 0)),
    CONSTRAINT wallet_entries_balance_after_check CHECK ((balance_after >= 0)),
    CONSTRAINT wallet_entries_item_check CHECK ((item = ANY (ARRAY['gold'::text, 'diamond'::text]))),
    CONSTRAINT wallet_entries_kind_check CHECK ((kind = ANY (ARRAY['claim'::text, 'spend'::text, 'correction'::text]))),
    CONSTRAINT wallet_entries_ref_check CHECK (((char_length(ref) >= 1) AND (char_length(ref) <= 255)))
);
ALTER TABLE auth.wallet_entries ALTER COLUMN entry_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME auth.wallet_entries_entry_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE catalog.editions (
    revision bigint NOT NULL,
    edition uuid NOT NULL
);
COMMENT ON TABLE catalog.editions IS 'every state that this catalog had: what is not in here is of another history';
CREATE TABLE catalog.outbox (
    outbox_id bigint NOT NULL,
    subject text NOT NULL,
    subject_id uuid NOT NULL,
    revision bigint NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT outbox_subject_check CHECK ((subject = ANY (ARRAY['quest'::text, 'reward'::text])))
);
ALTER TABLE catalog.outbox ALTER COLUMN outbox_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME catalog.outbox_outbox_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE catalog.quest_versions (
    quest_id uuid NOT NULL,
    revision bigint NOT NULL,
    name text NOT NULL,
    description text NOT NULL,
    event_type text NOT NULL,
    streak integer NOT NULL,
    duplication integer NOT NULL,
    auto_claim boolean NOT NULL,
    reward_id uuid NOT NULL,
    active boolean NOT NULL
);
CREATE TABLE catalog.quests (
    quest_id uuid NOT NULL,
    name text NOT NULL,
    description text DEFAULT ''::text NOT NULL,
    event_type text NOT NULL,
    streak integer NOT NULL,
    duplication integer NOT NULL,
    auto_claim boolean DEFAULT false NOT NULL,
    reward_id uuid NOT NULL,
    active boolean DEFAULT true NOT NULL,
    revision bigint DEFAULT 0 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT quests_description_check CHECK ((char_length(description) <= 2000)),
    CONSTRAINT quests_duplication_check CHECK (((duplication >= 1) AND (duplication <= 1000000))),
    CONSTRAINT quests_event_type_check CHECK (((event_type ~ '^[A-Za-z][A-Za-z0-9]{0,63}$'::text) AND (event_type <> ALL (ARRAY['QuestCompleted'::text, 'NewUserSignIn'::text])))),
    CONSTRAINT quests_name_check CHECK (((char_length(name) >= 1) AND (char_length(name) <= 255))),
    CONSTRAINT quests_streak_check CHECK (((streak >= 1) AND (streak <= 1000000)))
);
CREATE TABLE catalog.revision (
    singleton boolean DEFAULT true NOT NULL,
    revision bigint NOT NULL,
    edition uuid DEFAULT gen_random_uuid() NOT NULL,
    changed_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT revision_singleton_check CHECK (singleton)
);
COMMENT ON COLUMN catalog.revision.edition IS 'new with every change: tells a revision from one of the same number before a restore';
CREATE TABLE catalog.reward_versions (
    reward_id uuid NOT NULL,
    revision bigint NOT NULL,
    reward_name text NOT NULL,
    reward_item text NOT NULL,
    reward_qty bigint NOT NULL,
    active boolean NOT NULL
);
CREATE TABLE catalog.rewards (
    reward_id uuid NOT NULL,
    reward_name text NOT NULL,
    reward_item text NOT NULL,
    reward_qty bigint NOT NULL,
    active boolean DEFAULT true NOT NULL,
    revision bigint DEFAULT 0 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT rewards_reward_item_check CHECK ((reward_item = ANY (ARRAY['gold'::text, 'diamond'::text]))),
    CONSTRAINT rewards_reward_name_check CHECK (((char_length(reward_name) >= 1) AND (char_length(reward_name) <= 255))),
    CONSTRAINT rewards_reward_qty_check CHECK (((reward_qty >= 1) AND (reward_qty <= '1000000000000'::bigint)))
);
CREATE TABLE processing.duties (
    duty text NOT NULL,
    holder text NOT NULL,
    held_until timestamp with time zone NOT NULL
);
COMMENT ON TABLE processing.duties IS 'what one process does for all: whose duty it is, until when it need not be asked again';
CREATE TABLE processing.events (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    "timestamp" timestamp with time zone NOT NULL,
    recorded_at timestamp with time zone DEFAULT now() NOT NULL,
    catalog_revision bigint NOT NULL,
    event_type text NOT NULL,
    event_data jsonb
);
COMMENT ON COLUMN processing.events."timestamp" IS 'when it occurred, as the sender says';
CREATE TABLE processing.group_positions (
    stream text NOT NULL,
    group_name text NOT NULL,
    last_delivered text NOT NULL,
    entries_read bigint,
    pending bigint NOT NULL,
    seen_at timestamp with time zone NOT NULL
)
WITH (fillfactor='50');
CREATE TABLE processing.losses (
    loss_id bigint NOT NULL,
    stream text NOT NULL,
    entry_id text,
    at_most bigint,
    last_seen_at timestamp with time zone,
    reason text NOT NULL,
    detected_at timestamp with time zone DEFAULT now() NOT NULL,
    dismissed_at timestamp with time zone
);
COMMENT ON TABLE processing.losses IS 'what Redis has lost: one entry by its id, or at most so many that were undone when last seen';
ALTER TABLE processing.losses ALTER COLUMN loss_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME processing.losses_loss_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE processing.outbox (
    event_id uuid NOT NULL,
    user_id uuid NOT NULL,
    quest_id uuid NOT NULL,
    cause_id uuid NOT NULL,
    occurred_at timestamp with time zone NOT NULL,
    catalog_revision bigint NOT NULL,
    reward_qty bigint NOT NULL,
    completion integer NOT NULL,
    auto_claim boolean NOT NULL,
    reward_item text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    published_at timestamp with time zone DEFAULT now() NOT NULL
);
COMMENT ON TABLE processing.outbox IS 'completions without a claim; the relay publishes one again when its entry must be lost';
CREATE TABLE processing.recalls (
    recall_id bigint NOT NULL,
    published_before timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    buried boolean NOT NULL
);
COMMENT ON TABLE processing.recalls IS 'rows of the outboxes that were published before this are still to be made due again, page by page';
ALTER TABLE processing.recalls ALTER COLUMN recall_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME processing.recalls_recall_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE processing.stream_positions (
    stream text NOT NULL,
    generation text NOT NULL,
    entries_added bigint NOT NULL,
    last_id text NOT NULL,
    undone bigint,
    seen_at timestamp with time zone NOT NULL
)
WITH (fillfactor='50');
COMMENT ON TABLE processing.stream_positions IS 'how far each stream was when it was last seen, every second: what a lost stream is measured by';
COMMENT ON COLUMN processing.stream_positions.undone IS 'entries that its group had not acknowledged; null if the server could not tell';
CREATE TABLE processing.user_quest_rewards (
    id bigint NOT NULL,
    user_id uuid NOT NULL,
    quest_id uuid NOT NULL,
    catalog_revision bigint NOT NULL,
    status smallint NOT NULL,
    streak integer NOT NULL,
    duplication integer NOT NULL,
    last_events integer NOT NULL,
    last_goal integer NOT NULL,
    last_limit integer NOT NULL,
    last_start integer NOT NULL,
    last_completions integer NOT NULL,
    CONSTRAINT user_quest_rewards_duplication_check CHECK ((duplication >= 0)),
    CONSTRAINT user_quest_rewards_status_check CHECK ((status = ANY (ARRAY[0, 1]))),
    CONSTRAINT user_quest_rewards_streak_check CHECK ((streak >= 0))
)
WITH (fillfactor='70');
COMMENT ON TABLE processing.user_quest_rewards IS 'last_*: how the last batch changed the row, which tells that batch what it completed: from last_start, last_events events counted under last_goal and last_limit, making last_completions; always last_start + last_events = last_completions * last_goal + streak';
COMMENT ON COLUMN processing.user_quest_rewards.status IS '0 in progress, 1 limit reached';
ALTER TABLE processing.user_quest_rewards ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME processing.user_quest_rewards_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.questline_migrations (
    version integer NOT NULL,
    name text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);
ALTER TABLE ONLY auth.api_keys
    ADD CONSTRAINT api_keys_key_hash_key UNIQUE (key_hash);
ALTER TABLE ONLY auth.api_keys
    ADD CONSTRAINT api_keys_pkey PRIMARY KEY (key_id);
ALTER TABLE ONLY auth.audit_log
    ADD CONSTRAINT audit_log_pkey PRIMARY KEY (audit_id);
ALTER TABLE ONLY auth.outbox
    ADD CONSTRAINT outbox_pkey PRIMARY KEY (outbox_id);
ALTER TABLE ONLY auth.revoked_tokens
    ADD CONSTRAINT revoked_tokens_pkey PRIMARY KEY (jti);
ALTER TABLE ONLY auth.reward_claims
    ADD CONSTRAINT reward_claims_pkey PRIMARY KEY (claim_id);
ALTER TABLE ONLY auth.reward_claims
    ADD CONSTRAINT reward_claims_user_id_quest_id_completion_key UNIQUE (user_id, quest_id, completion);
ALTER TABLE ONLY auth.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (user_id);
ALTER TABLE ONLY auth.users
    ADD CONSTRAINT users_user_name_key UNIQUE (user_name);
ALTER TABLE ONLY auth.wallet_entries
    ADD CONSTRAINT wallet_entries_kind_ref_key UNIQUE (kind, ref);
ALTER TABLE ONLY auth.wallet_entries
    ADD CONSTRAINT wallet_entries_pkey PRIMARY KEY (entry_id);
ALTER TABLE ONLY catalog.editions
    ADD CONSTRAINT editions_pkey PRIMARY KEY (revision);
ALTER TABLE ONLY catalog.outbox
    ADD CONSTRAINT outbox_pkey PRIMARY KEY (outbox_id);
ALTER TABLE ONLY catalog.quest_versions
    ADD CONSTRAINT quest_versions_pkey PRIMARY KEY (quest_id, revision);
ALTER TABLE ONLY catalog.quests
    ADD CONSTRAINT quests_name_key UNIQUE (name);
ALTER TABLE ONLY catalog.quests
    ADD CONSTRAINT quests_pkey PRIMARY KEY (quest_id);
ALTER TABLE ONLY catalog.revision
    ADD CONSTRAINT revision_pkey PRIMARY KEY (singleton);
ALTER TABLE ONLY catalog.reward_versions
    ADD CONSTRAINT reward_versions_pkey PRIMARY KEY (reward_id, revision);
ALTER TABLE ONLY catalog.rewards
    ADD CONSTRAINT rewards_pkey PRIMARY KEY (reward_id);
ALTER TABLE ONLY catalog.rewards
    ADD CONSTRAINT rewards_reward_name_key UNIQUE (reward_name);
ALTER TABLE ONLY processing.duties
    ADD CONSTRAINT duties_pkey PRIMARY KEY (duty);
ALTER TABLE ONLY processing.events
    ADD CONSTRAINT events_pkey PRIMARY KEY (id);
ALTER TABLE ONLY processing.group_positions
    ADD CONSTRAINT group_positions_pkey PRIMARY KEY (stream, group_name);
ALTER TABLE ONLY processing.losses
    ADD CONSTRAINT losses_pkey PRIMARY KEY (loss_id);
ALTER TABLE ONLY processing.outbox
    ADD CONSTRAINT outbox_pkey PRIMARY KEY (event_id);
ALTER TABLE ONLY processing.recalls
    ADD CONSTRAINT recalls_pkey PRIMARY KEY (recall_id);
ALTER TABLE ONLY processing.stream_positions
    ADD CONSTRAINT stream_positions_pkey PRIMARY KEY (stream);
ALTER TABLE ONLY processing.user_quest_rewards
    ADD CONSTRAINT user_quest_rewards_user_id_quest_id_key UNIQUE (user_id, quest_id);
ALTER TABLE ONLY public.questline_migrations
    ADD CONSTRAINT questline_migrations_pkey PRIMARY KEY (version);
CREATE INDEX audit_log_by_actor ON auth.audit_log USING btree (actor_id, audit_id);
CREATE INDEX audit_log_by_subject ON auth.audit_log USING btree (subject, audit_id);
CREATE INDEX audit_log_by_time ON auth.audit_log USING btree (created_at);
CREATE INDEX outbox_by_event ON auth.outbox USING btree (event_id);
CREATE INDEX outbox_by_publication ON auth.outbox USING btree (published_at, outbox_id);
CREATE INDEX revoked_tokens_by_time ON auth.revoked_tokens USING btree (revoked_at);
CREATE INDEX reward_claims_by_person ON auth.reward_claims USING btree (user_id, created_at, claim_id, status);
CREATE INDEX reward_claims_unclaimed ON auth.reward_claims USING btree (reward_item) WHERE (status = 'pending'::text);
CREATE INDEX users_by_name ON auth.users USING btree (user_name text_pattern_ops) WHERE (user_name IS NOT NULL);
CREATE INDEX users_by_validity ON auth.users USING btree (tokens_valid_from) WHERE (tokens_valid_from > '1970-01-01 00:00:00+00'::timestamp with time zone);
CREATE INDEX wallet_entries_by_person ON auth.wallet_entries USING btree (user_id, entry_id);
CREATE INDEX events_by_person_and_time ON processing.events USING btree (user_id, recorded_at);
CREATE INDEX events_by_time ON processing.events USING btree (recorded_at);
CREATE UNIQUE INDEX losses_by_entry ON processing.losses USING btree (stream, entry_id);
CREATE UNIQUE INDEX losses_by_reason ON processing.losses USING btree (stream, reason) WHERE ((dismissed_at IS NULL) AND (entry_id IS NULL) AND (last_seen_at IS NULL));
CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON auth.audit_log FOR EACH STATEMENT EXECUTE FUNCTION public.questline_append_only();
CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON auth.wallet_entries FOR EACH STATEMENT EXECUTE FUNCTION public.questline_append_only();
CREATE CONSTRAINT TRIGGER void_tokens AFTER UPDATE OF status, role, password_hash ON auth.users DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN ((((new.status = 2) AND (old.status <> 2)) OR (new.role <> old.role) OR ((new.password_hash IS DISTINCT FROM old.password_hash) AND (current_setting('questline.same_password'::text, true) IS DISTINCT FROM 'on'::text) AND (current_setting('application_name'::text) <> 'questline-front'::text)))) EXECUTE FUNCTION auth.void_tokens();
CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON catalog.quest_versions FOR EACH STATEMENT EXECUTE FUNCTION public.questline_append_only();
CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON catalog.reward_versions FOR EACH STATEMENT EXECUTE FUNCTION public.questline_append_only();
CREATE TRIGGER keep_version AFTER INSERT OR UPDATE ON catalog.quests FOR EACH ROW EXECUTE FUNCTION catalog.keep_quest_version();
CREATE TRIGGER keep_version AFTER INSERT OR UPDATE ON catalog.rewards FOR EACH ROW EXECUTE FUNCTION catalog.keep_reward_version();
CREATE TRIGGER raise_revision BEFORE INSERT OR UPDATE ON catalog.quests FOR EACH ROW EXECUTE FUNCTION catalog.raise_revision();
CREATE TRIGGER raise_revision BEFORE INSERT OR UPDATE ON catalog.rewards FOR EACH ROW EXECUTE FUNCTION catalog.raise_revision();
CREATE TRIGGER refuse_removal BEFORE DELETE OR TRUNCATE ON catalog.quests FOR EACH STATEMENT EXECUTE FUNCTION catalog.refuse_removal();
CREATE TRIGGER refuse_removal BEFORE DELETE OR TRUNCATE ON catalog.rewards FOR EACH STATEMENT EXECUTE FUNCTION catalog.refuse_removal();
CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON processing.events FOR EACH STATEMENT EXECUTE FUNCTION public.questline_append_only();
ALTER TABLE ONLY catalog.quests
    ADD CONSTRAINT quests_reward_id_fkey FOREIGN KEY (reward_id) REFERENCES catalog.rewards(reward_id);
