extension Migration {
    /// Whoever bans somebody, changes a role or sets another password voids that person's tokens by it, in `psql` as well.
    /// The moment is set at the end of the transaction, so that one which stays open for long is not overlooked by those who
    /// read what is new. A hash that is only renewed is of the same password: the front says so, that of version 4 by its name.
    static let identity = Migration(
        version: 6, name: "identity",
        script: """
            CREATE FUNCTION auth.void_tokens() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                UPDATE auth.users SET tokens_valid_from = auth.next_validity(tokens_valid_from)
                WHERE user_id = NEW.user_id;
                RETURN NULL;
            END $$;

            CREATE FUNCTION auth.next_validity(present timestamptz) RETURNS timestamptz LANGUAGE sql VOLATILE AS $$
                SELECT greatest(date_trunc('milliseconds', clock_timestamp()), present + interval '1 millisecond')
            $$;
            COMMENT ON FUNCTION auth.next_validity(timestamptz) IS
                'now, in whole milliseconds, and always later than before';

            CREATE CONSTRAINT TRIGGER void_tokens AFTER UPDATE OF status, role, password_hash ON auth.users
                DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (
                    (NEW.status = 2 AND OLD.status <> 2) OR NEW.role <> OLD.role
                    OR (NEW.password_hash IS DISTINCT FROM OLD.password_hash
                        AND current_setting('questline.same_password', true) IS DISTINCT FROM 'on'
                        AND current_setting('application_name') <> 'questline-front'))
                EXECUTE FUNCTION auth.void_tokens();
            COMMENT ON COLUMN auth.users.tokens_valid_from IS
                'tokens given out before are refused: raised by a ban, another role, a new password, or by hand';

            CREATE INDEX users_by_name ON auth.users (user_name text_pattern_ops);
            CREATE INDEX audit_log_by_actor ON auth.audit_log (actor_id, audit_id);
            CREATE INDEX audit_log_by_subject ON auth.audit_log (subject, audit_id);
            """)
}
