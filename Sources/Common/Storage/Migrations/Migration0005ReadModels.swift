extension Migration {
    static let readModels = Migration(
        version: 5, name: "read models",
        script: """
            SELECT 1;
            """)
}
