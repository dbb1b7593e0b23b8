extension Migration {
    static let readModels = Migration(
        version: 5, name: "read models",
        script: """
            PERFORM 1;
            """)
}
