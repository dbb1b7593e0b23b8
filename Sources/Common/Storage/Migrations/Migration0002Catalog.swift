extension Migration {
    /// Triggers, not callers, raise the revision and keep the versions: a change made in psql is a change like any other.
    static let catalog = Migration(
        version: 2, name: "catalog",
        script: """
            CREATE SCHEMA catalog;

            CREATE TABLE catalog.revision (
                singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
                revision bigint NOT NULL,
                edition uuid NOT NULL DEFAULT gen_random_uuid(),
                changed_at timestamptz NOT NULL DEFAULT now()
            );
            COMMENT ON COLUMN catalog.revision.edition IS
                'new with every change: tells a revision from one of the same number before a restore';
            INSERT INTO catalog.revision (revision) VALUES (0);

            CREATE TABLE catalog.rewards (
                reward_id uuid PRIMARY KEY,
                reward_name text NOT NULL UNIQUE CHECK (char_length(reward_name) BETWEEN 1 AND 255),
                reward_item text NOT NULL CHECK (reward_item IN ('gold', 'diamond')),
                reward_qty bigint NOT NULL CHECK (reward_qty BETWEEN 1 AND 1000000000000),
                active boolean NOT NULL DEFAULT true,
                revision bigint NOT NULL DEFAULT 0,
                created_at timestamptz NOT NULL DEFAULT now(),
                updated_at timestamptz NOT NULL DEFAULT now()
            );

            CREATE TABLE catalog.quests (
                quest_id uuid PRIMARY KEY,
                name text NOT NULL UNIQUE CHECK (char_length(name) BETWEEN 1 AND 255),
                description text NOT NULL DEFAULT '' CHECK (char_length(description) <= 2000),
                event_type text NOT NULL CHECK (event_type ~ '^[A-Za-z][A-Za-z0-9]{0,63}$'
                    AND event_type NOT IN ('QuestCompleted', 'NewUserSignIn')),
                streak integer NOT NULL CHECK (streak BETWEEN 1 AND 1000000),
                duplication integer NOT NULL CHECK (duplication BETWEEN 1 AND 1000000),
                auto_claim boolean NOT NULL DEFAULT false,
                reward_id uuid NOT NULL REFERENCES catalog.rewards,
                active boolean NOT NULL DEFAULT true,
                revision bigint NOT NULL DEFAULT 0,
                created_at timestamptz NOT NULL DEFAULT now(),
                updated_at timestamptz NOT NULL DEFAULT now()
            );

            CREATE TABLE catalog.reward_versions (
                reward_id uuid NOT NULL,
                revision bigint NOT NULL,
                reward_name text NOT NULL,
                reward_item text NOT NULL,
                reward_qty bigint NOT NULL,
                active boolean NOT NULL,
                PRIMARY KEY (reward_id, revision)
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
                active boolean NOT NULL,
                PRIMARY KEY (quest_id, revision)
            );

            CREATE TABLE catalog.outbox (
                outbox_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                subject text NOT NULL CHECK (subject IN ('quest', 'reward')),
                subject_id uuid NOT NULL,
                revision bigint NOT NULL,
                created_at timestamptz NOT NULL DEFAULT now()
            );

            CREATE FUNCTION catalog.advisory_key() RETURNS bigint LANGUAGE sql IMMUTABLE AS 'SELECT 5173000002';

            CREATE FUNCTION catalog.hold_revision(expected bigint, expected_edition uuid) RETURNS bigint LANGUAGE plpgsql AS $$
            DECLARE actual bigint; actual_edition uuid;
            BEGIN
                PERFORM pg_advisory_xact_lock_shared(catalog.advisory_key());
                SELECT r.revision, r.edition INTO actual, actual_edition FROM catalog.revision r;
                IF actual IS DISTINCT FROM expected OR actual_edition IS DISTINCT FROM expected_edition THEN
                    RAISE EXCEPTION 'the catalog is at revision %, not %', actual, expected USING ERRCODE = 'QL001';
                END IF;
                RETURN actual;
            END $$;
            COMMENT ON FUNCTION catalog.hold_revision IS
                'keeps the catalog as it is until the transaction ends; QL001 if it is not at the revision expected';

            CREATE FUNCTION catalog.raise_revision() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                PERFORM pg_advisory_xact_lock(catalog.advisory_key());
                UPDATE catalog.revision r SET revision = r.revision + 1, edition = gen_random_uuid(), changed_at = now()
                RETURNING r.revision INTO NEW.revision;
                NEW.updated_at := now();
                RETURN NEW;
            END $$;

            CREATE FUNCTION catalog.keep_reward_version() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                INSERT INTO catalog.reward_versions (reward_id, revision, reward_name, reward_item, reward_qty, active)
                VALUES (NEW.reward_id, NEW.revision, NEW.reward_name, NEW.reward_item, NEW.reward_qty, NEW.active);
                INSERT INTO catalog.outbox (subject, subject_id, revision) VALUES ('reward', NEW.reward_id, NEW.revision);
                RETURN NULL;
            END $$;

            CREATE FUNCTION catalog.keep_quest_version() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                INSERT INTO catalog.quest_versions (quest_id, revision, name, description, event_type, streak,
                    duplication, auto_claim, reward_id, active)
                VALUES (NEW.quest_id, NEW.revision, NEW.name, NEW.description, NEW.event_type, NEW.streak,
                    NEW.duplication, NEW.auto_claim, NEW.reward_id, NEW.active);
                INSERT INTO catalog.outbox (subject, subject_id, revision) VALUES ('quest', NEW.quest_id, NEW.revision);
                RETURN NULL;
            END $$;

            CREATE FUNCTION catalog.refuse_removal() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                RAISE EXCEPTION '%.% rows are retired (active = false), not removed', TG_TABLE_SCHEMA, TG_TABLE_NAME
                    USING ERRCODE = '42501';
            END $$;

            CREATE TRIGGER raise_revision BEFORE INSERT OR UPDATE ON catalog.rewards
                FOR EACH ROW EXECUTE FUNCTION catalog.raise_revision();
            CREATE TRIGGER keep_version AFTER INSERT OR UPDATE ON catalog.rewards
                FOR EACH ROW EXECUTE FUNCTION catalog.keep_reward_version();
            CREATE TRIGGER refuse_removal BEFORE DELETE OR TRUNCATE ON catalog.rewards
                EXECUTE FUNCTION catalog.refuse_removal();
            CREATE TRIGGER raise_revision BEFORE INSERT OR UPDATE ON catalog.quests
                FOR EACH ROW EXECUTE FUNCTION catalog.raise_revision();
            CREATE TRIGGER keep_version AFTER INSERT OR UPDATE ON catalog.quests
                FOR EACH ROW EXECUTE FUNCTION catalog.keep_quest_version();
            CREATE TRIGGER refuse_removal BEFORE DELETE OR TRUNCATE ON catalog.quests
                EXECUTE FUNCTION catalog.refuse_removal();
            CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON catalog.reward_versions
                EXECUTE FUNCTION public.questline_append_only();
            CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON catalog.quest_versions
                EXECUTE FUNCTION public.questline_append_only();
            """)
}
