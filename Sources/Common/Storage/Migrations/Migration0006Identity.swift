extension Migration {
    static let identity = Migration(
        version: 6, name: "identity",
        script: """
            PERFORM 1;
            """)
}
