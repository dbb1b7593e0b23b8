extension Migration {
    static let recovery = Migration(
        version: 4, name: "recovery",
        script: """
            ALTER TABLE auth.outbox ADD COLUMN published_at timestamptz;
            CREATE INDEX outbox_by_publication ON auth.outbox (published_at, outbox_id);
            CREATE INDEX outbox_by_event ON auth.outbox (event_id);
            COMMENT ON TABLE auth.outbox IS
                'sign-ins that are not known to be recorded yet; a row goes when its event is in the event table';
            COMMENT ON COLUMN auth.outbox.published_at IS
                'null: to be published; infinity: a dead letter holds the event, which must not come a second time';

            CREATE TABLE processing.stream_positions (
                stream text PRIMARY KEY,
                generation text NOT NULL,
                entries_added bigint NOT NULL,
                last_id text NOT NULL,
                undone bigint,
                seen_at timestamptz NOT NULL
            ) WITH (fillfactor = 50);
            COMMENT ON TABLE processing.stream_positions IS
                'how far each stream was when it was last seen, every second: what a lost stream is measured by';
            COMMENT ON COLUMN processing.stream_positions.undone IS
                'entries that its group had not acknowledged; null if the server could not tell';

            CREATE TABLE processing.group_positions (
                stream text NOT NULL,
                group_name text NOT NULL,
                last_delivered text NOT NULL,
                entries_read bigint,
                pending bigint NOT NULL,
                seen_at timestamptz NOT NULL,
                PRIMARY KEY (stream, group_name)
            ) WITH (fillfactor = 50);

            CREATE TABLE processing.recalls (
                recall_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                published_before timestamptz NOT NULL DEFAULT clock_timestamp(),
                buried boolean NOT NULL
            );
            COMMENT ON TABLE processing.recalls IS
                'rows of the outboxes that were published before this are still to be made due again, page by page';

            CREATE TABLE processing.losses (
                loss_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                stream text NOT NULL,
                entry_id text,
                at_most bigint,
                last_seen_at timestamptz,
                reason text NOT NULL,
                detected_at timestamptz NOT NULL DEFAULT now(),
                dismissed_at timestamptz
            );
            CREATE UNIQUE INDEX losses_by_entry ON processing.losses (stream, entry_id);
            CREATE UNIQUE INDEX losses_by_reason ON processing.losses (stream, reason)
                WHERE dismissed_at IS NULL AND entry_id IS NULL AND last_seen_at IS NULL;
            COMMENT ON TABLE processing.losses IS
                'what Redis has lost: one entry by its id, or at most so many that were undone when last seen';
            """)
}
