extension Migration {
    static let requests = Migration(
        version: 8, name: "requests",
        script: """
            ALTER TABLE auth.outbox ADD COLUMN request_id text;
            """)
}
