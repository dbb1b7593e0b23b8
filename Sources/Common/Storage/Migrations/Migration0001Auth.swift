extension Migration {
    static let auth = Migration(
        version: 1, name: "auth",
        script: """
            CREATE SCHEMA auth;

            CREATE FUNCTION public.questline_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                RAISE EXCEPTION '%.% is append-only', TG_TABLE_SCHEMA, TG_TABLE_NAME USING ERRCODE = '42501';
            END $$;

            CREATE TABLE auth.users (
                user_id uuid PRIMARY KEY,
                user_name text UNIQUE CHECK (char_length(user_name) BETWEEN 1 AND 255),
                password_hash text,
                status smallint NOT NULL DEFAULT 0 CHECK (status IN (0, 1, 2)),
                role text NOT NULL DEFAULT 'player' CHECK (role IN ('player', 'admin')),
                gold bigint NOT NULL DEFAULT 0 CHECK (gold >= 0),
                diamond bigint NOT NULL DEFAULT 0 CHECK (diamond >= 0),
                first_sign_in_at timestamptz,
                tokens_valid_from timestamptz NOT NULL DEFAULT '1970-01-01T00:00:00Z',
                created_at timestamptz NOT NULL DEFAULT now(),
                updated_at timestamptz NOT NULL DEFAULT now(),
                CHECK ((user_name IS NULL) = (password_hash IS NULL))
            ) WITH (fillfactor = 90);
            CREATE INDEX users_by_validity ON auth.users (tokens_valid_from) WHERE tokens_valid_from > '1970-01-01T00:00:00Z';
            COMMENT ON COLUMN auth.users.status IS '0 new, 1 known, 2 banned';
            COMMENT ON COLUMN auth.users.tokens_valid_from IS 'tokens issued before are refused: raised by a new password';

            CREATE TABLE auth.reward_claims (
                claim_id uuid PRIMARY KEY,
                user_id uuid NOT NULL,
                quest_id uuid NOT NULL,
                completion integer NOT NULL CHECK (completion >= 1),
                reward_item text NOT NULL CHECK (reward_item IN ('gold', 'diamond')),
                reward_qty bigint NOT NULL CHECK (reward_qty >= 1),
                status text NOT NULL CHECK (status IN ('pending', 'claimed')),
                created_at timestamptz NOT NULL,
                claimed_at timestamptz,
                UNIQUE (user_id, quest_id, completion),
                CHECK ((status = 'claimed') = (claimed_at IS NOT NULL))
            ) WITH (fillfactor = 90);
            COMMENT ON COLUMN auth.reward_claims.claim_id IS 'the event_id of the completion';
            COMMENT ON COLUMN auth.reward_claims.created_at IS 'when the streak was filled';

            CREATE TABLE auth.wallet_entries (
                entry_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                user_id uuid NOT NULL,
                kind text NOT NULL CHECK (kind IN ('claim', 'spend', 'correction')),
                ref text NOT NULL CHECK (char_length(ref) BETWEEN 1 AND 255),
                item text NOT NULL CHECK (item IN ('gold', 'diamond')),
                amount bigint NOT NULL CHECK (amount <> 0),
                balance_after bigint NOT NULL CHECK (balance_after >= 0),
                created_at timestamptz NOT NULL DEFAULT now(),
                UNIQUE (kind, ref)
            );
            CREATE INDEX wallet_entries_by_person ON auth.wallet_entries (user_id, entry_id);
            CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON auth.wallet_entries
                EXECUTE FUNCTION public.questline_append_only();

            CREATE TABLE auth.outbox (
                outbox_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                event_id uuid NOT NULL,
                event_type text NOT NULL CHECK (event_type ~ '^[A-Za-z][A-Za-z0-9]{0,63}$'),
                user_id uuid NOT NULL,
                occurred_at timestamptz NOT NULL,
                traceparent text,
                created_at timestamptz NOT NULL DEFAULT now()
            );

            CREATE TABLE auth.api_keys (
                key_id uuid PRIMARY KEY,
                name text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 255),
                key_hash bytea NOT NULL UNIQUE,
                created_by uuid,
                created_at timestamptz NOT NULL DEFAULT now(),
                revoked_at timestamptz
            );
            COMMENT ON COLUMN auth.api_keys.key_hash IS 'SHA-256 of the key, which is stored nowhere';

            CREATE TABLE auth.revoked_tokens (
                jti uuid PRIMARY KEY,
                user_id uuid NOT NULL,
                revoked_at timestamptz NOT NULL DEFAULT now(),
                expires_at timestamptz NOT NULL
            );
            CREATE INDEX revoked_tokens_by_time ON auth.revoked_tokens (revoked_at);

            CREATE TABLE auth.audit_log (
                audit_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                actor_id uuid,
                actor text NOT NULL,
                action text NOT NULL,
                subject text NOT NULL,
                details jsonb NOT NULL DEFAULT '{}',
                request_id text,
                created_at timestamptz NOT NULL DEFAULT now()
            );
            CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON auth.audit_log
                EXECUTE FUNCTION public.questline_append_only();
            """)
}
