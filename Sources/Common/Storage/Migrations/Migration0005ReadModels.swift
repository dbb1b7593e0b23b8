extension Migration {
    /// The editions tell whether a copy of the catalog is an earlier state of this database or one of another history.
    static let readModels = Migration(
        version: 5, name: "read models",
        script: """
            CREATE TABLE catalog.editions (
                revision bigint PRIMARY KEY,
                edition uuid NOT NULL
            );
            COMMENT ON TABLE catalog.editions IS 'every state that this catalog had: what is not in here is of another history';
            LOCK TABLE catalog.revision IN EXCLUSIVE MODE;
            INSERT INTO catalog.editions (revision, edition) SELECT r.revision, r.edition FROM catalog.revision r;

            CREATE OR REPLACE FUNCTION catalog.raise_revision() RETURNS trigger LANGUAGE plpgsql AS $$
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
            """)
}
