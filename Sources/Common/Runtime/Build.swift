import Metrics

/// Which build of Questline this is.
public enum Build {
    /// Raised with every release; older and newer ones run side by side.
    public static let version = "1.0.0"

    /// Shows the build as `quest_build_info`, which is 1.
    ///
    /// - Parameters:
    ///   - program: `questline-front` or `questline-worker`.
    ///   - schema: the version of the schema that it needs at least.
    public static func show(program: String, schema: Int32) {
        Meter(
            label: "quest_build_info",
            dimensions: [("version", version), ("program", program), ("schema", String(schema))]
        ).set(1)
    }
}
