import Postgres
import Storage

/// The database is older than these executables need.
public struct NotMigrated: Error, Sendable, CustomStringConvertible {
    /// Of the database; 0 for an empty one.
    public let version: Int32

    /// Nil if a database of this version will do.
    public init?(version: Int32) {
        guard version < Migrator.requiredVersion else { return nil }
        self.version = version
    }

    public var description: String {
        "the database is not migrated (schema version \(version), needed is \(Migrator.requiredVersion)): "
            + "run questline-worker migrate"
    }

    /// - Throws: `NotMigrated`, and `PostgresError` when the database does not answer.
    public static func check(_ postgres: PostgresClient) async throws {
        if let fault = NotMigrated(version: try await Migrator.version(of: postgres)) { throw fault }
    }
}
