extension Migration {
    static let lists = Migration(
        version: 7, name: "lists",
        script: """
            PERFORM 1;
            """)
}
