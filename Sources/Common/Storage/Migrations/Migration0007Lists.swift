extension Migration {
    /// Indexes for the pages of one person's events and claims, and for following the audit log. The first replaces one on
    /// `user_id` alone.
    static let lists = Migration(
        version: 7, name: "lists",
        script: """
            CREATE INDEX events_by_person_and_time ON processing.events (user_id, recorded_at);
            DROP INDEX processing.events_by_person;
            CREATE INDEX reward_claims_by_person ON auth.reward_claims (user_id, created_at, claim_id, status);
            CREATE INDEX audit_log_by_time ON auth.audit_log (created_at);
            """)
}
