extension Migration {
    /// What a worker needs to tell how many rewards are unclaimed without reading all claims, and to be the only one that
    /// asks. Claims wait for the index to be built: some seconds for ten million
    /// of them.
    static let figures = Migration(
        version: 9, name: "figures",
        script: """
            CREATE INDEX reward_claims_unclaimed ON auth.reward_claims (reward_item) WHERE status = 'pending';
            CREATE TABLE processing.duties (
                duty text PRIMARY KEY,
                holder text NOT NULL,
                held_until timestamptz NOT NULL);
            COMMENT ON TABLE processing.duties IS
                'what one process does for all: whose duty it is, until when it need not be asked again';
            """)
}
