extension Migration {
    /// Less work for the same: the id of a completion as one expression, which becomes part of the statement that asks for
    /// it (1.5 µs instead of 7, and nothing to plan for each batch); and no place in the index for accounts without a
    /// name, which no search by name is to find. Accounts cannot be changed while that index is built.
    static let leaner = Migration(
        version: 10, name: "leaner",
        script: """
            CREATE OR REPLACE FUNCTION processing.completion_id(user_id uuid, quest_id uuid, completion integer)
                RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
                SELECT encode(
                    -- Version 8 in byte 6, the variant in byte 8; bits are counted from the lowest of each byte.
                    set_bit(set_bit(set_bit(set_bit(set_bit(set_bit(
                        substr(sha256(uuid_send(user_id) || uuid_send(quest_id) || int4send(completion)), 1, 16),
                        55, 1), 54, 0), 53, 0), 52, 0), 71, 1), 70, 0), 'hex')::uuid
            $$;
            DROP INDEX auth.users_by_name;
            CREATE INDEX users_by_name ON auth.users (user_name text_pattern_ops) WHERE user_name IS NOT NULL;
            """)
}
