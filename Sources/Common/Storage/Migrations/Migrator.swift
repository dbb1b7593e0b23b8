import Logging
import Postgres

/// One numbered step of the schema, applied once, in a transaction of its own.
struct Migration: Sendable {
    let version: Int32
    let name: String
    let script: String
}

/// Brings a database to the schema this version needs.
public struct Migrator: Sendable {
    static let migrations: [Migration] = [
        .auth, .catalog, .processing, .recovery, .readModels, .identity, .lists, .requests,
        .figures,
        .leaner,
    ]

    /// The version a database must have at least for these executables.
    public static var requiredVersion: Int32 { migrations.last?.version ?? 0 }

    private let postgres: PostgresClient
    private let logger: Logger

    public init(_ postgres: PostgresClient, logger: Logger) {
        self.postgres = postgres
        self.logger = logger
    }

    /// The version of the database, 0 for an empty one.
    ///
    /// - Throws: `PostgresError`.
    public func currentVersion() async throws -> Int32 {
        try await Migrator.version(of: postgres)
    }

    /// The version of a database, 0 for an empty one.
    ///
    /// - Throws: `PostgresError`.
    public static func version(of postgres: PostgresClient) async throws -> Int32 {
        let present = try await postgres.query(
            "SELECT to_regclass('public.questline_migrations') IS NOT NULL", operation: "read the schema version")
        guard try present.first?.decode(0, as: Bool.self) == true else { return 0 }
        let rows = try await postgres.query(
            "SELECT coalesce(max(version), 0) FROM public.questline_migrations", operation: "read the schema version")
        return try rows.first?.decode(0) ?? 0
    }

    /// Asks for the version until it is at least what these executables need; says once that somebody has to migrate.
    ///
    /// - Parameters:
    ///   - heard: told of every answer (nil) and of every error that may pass.
    ///   - pause: waits before the next try; what it throws ends the waiting.
    /// - Throws: `PostgresError` that waiting does not help, and what `pause` throws.
    public func waitUntilCurrent(
        heard: (PostgresError?) -> Void, pause: () async throws -> Void
    ) async throws {
        var hasSaid = false
        while true {
            do {
                let version = try await currentVersion()
                heard(nil)
                guard version < Migrator.requiredVersion else { return }
                if !hasSaid {
                    logger.notice(
                        "waiting for migrations: run questline-worker migrate",
                        metadata: ["version": "\(version)", "required": "\(Migrator.requiredVersion)"])
                    hasSaid = true
                }
            } catch let error as PostgresError where error.isRetryable {
                heard(error)
            }
            try await pause()
        }
    }

    /// Applies what is missing, in order. Processes that migrate at the same time wait for one another.
    ///
    /// - Parameter last: where to stop, for tests of upgrades.
    /// - Returns: the versions applied by this call.
    /// - Throws: `PostgresError` of the migration that failed; those before it stay.
    public func migrate(upTo last: Int32 = .max) async throws -> [Int32] {
        try await postgres.execute(
            script: """
                BEGIN;
                SET LOCAL lock_timeout = '60s';
                SET LOCAL statement_timeout = '60s';
                SELECT pg_advisory_xact_lock(\(Migrator.lock));
                CREATE TABLE IF NOT EXISTS public.questline_migrations (
                    version integer PRIMARY KEY, name text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now());
                COMMIT;
                """, operation: "create the table of migrations")
        var applied: [Int32] = []
        for migration in Migrator.migrations where migration.version <= last {
            if try await apply(migration) { applied.append(migration.version) }
        }
        return applied
    }

    /// Whoever waits for a table to itself keeps everybody waiting who comes later. So a migration waits for two seconds only,
    /// and lets them through before it tries again.
    private func apply(_ migration: Migration) async throws -> Bool {
        guard try await currentVersion() < migration.version else { return false }
        let deadline = ContinuousClock.now + Migrator.patience
        var hasSaid = false
        while true {
            do {
                try await step(migration)
                break
            } catch let error as PostgresError where error.sqlState == "55P03" && .now < deadline {
                if !hasSaid {
                    logger.notice(
                        "a table is held by a long transaction (a dump, for instance): trying on, and nobody waits meanwhile",
                        metadata: ["version": "\(migration.version)"])
                    hasSaid = true
                }
                try await Task.sleep(for: .seconds(1))
            }
        }
        logger.info("migrated", metadata: ["version": "\(migration.version)", "name": "\(migration.name)"])
        return true
    }

    private func step(_ migration: Migration) async throws {
        // The lock is taken before the version is read again, so that a second migrator finds the step done.
        try await postgres.execute(
            script: """
                BEGIN;
                SET LOCAL lock_timeout = '60s';
                SET LOCAL statement_timeout = '10min';
                SELECT pg_advisory_xact_lock(\(Migrator.lock));
                SET LOCAL lock_timeout = '2s';
                DO $migration$ BEGIN
                IF EXISTS (SELECT FROM public.questline_migrations WHERE version = \(migration.version)) THEN RETURN; END IF;
                \(migration.script)
                INSERT INTO public.questline_migrations (version, name)
                VALUES (\(migration.version), '\(migration.name)');
                END $migration$;
                COMMIT;
                """, operation: "migration \(migration.version) (\(migration.name))")
    }

    /// How long tables may be held by others before a migration fails.
    private static let patience = Duration.seconds(1_800)

    /// Any number that nothing else locks on.
    private static let lock = 5_173_000_001
}
