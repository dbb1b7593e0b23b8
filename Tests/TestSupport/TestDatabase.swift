import Domain
import Foundation
import Logging
import Postgres
import Storage

/// A database of a test's own in the cluster that `ops/test` starts, migrated and seeded.
public struct TestDatabase: Sendable {
    public struct Missing: Error, CustomStringConvertible {
        public let description = "QUESTLINE_TEST_DATABASE_URL is not set: run ops/test, which starts the servers"
    }

    /// What databases are copied from, each made once per test process.
    private actor Templates {
        static let shared = Templates()
        private var ready: [String: Task<Void, any Error>] = [:]

        func make(_ name: String, _ fill: @escaping @Sendable (PostgresClient) async throws -> Void) async throws {
            let task =
                ready[name]
                ?? Task {
                    let cluster = try TestDatabase.cluster()
                    _ = try? await cluster.execute(script: "DROP DATABASE IF EXISTS \(name) WITH (FORCE)")
                    try await cluster.execute(script: "CREATE DATABASE \(name)")
                    let client = PostgresClient(
                        try PostgresConfiguration(url: try TestDatabase.url(of: name)), poolSize: 1)
                    try await fill(client)
                    client.close()
                    // A database with a connection cannot be copied; closing takes the server a moment.
                    try await cluster.execute(
                        script: """
                            ALTER DATABASE \(name) ALLOW_CONNECTIONS false;
                            SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '\(name)';
                            """)
                    cluster.close()
                }
            ready[name] = task
            try await task.value
        }
    }

    /// Lets so many tests have a database at once; the others wait, so that the cluster has connections for all.
    private actor Places {
        static let shared = Places()
        private var free = 8
        private var waiting: [CheckedContinuation<Void, Never>] = []

        func take() async {
            guard free == 0 else {
                free -= 1
                return
            }
            await withCheckedContinuation { waiting.append($0) }
        }

        func giveBack() {
            if waiting.isEmpty { free += 1 } else { waiting.removeFirst().resume() }
        }
    }

    public let name: String
    public let url: String
    public let client: PostgresClient

    /// The quest of the design's example: streak 3, duplication 2, 10 diamonds.
    public static func seed(autoClaim: Bool = false) -> Seed {
        Seed(
            accounts: [], questName: "UserSignIn", questDescription: "", eventType: .signIn,
            terms: QuestTerms(streak: 3, duplication: 2), autoClaim: autoClaim, rewardItem: .diamond,
            rewardQuantity: 10, apiKeyHash: nil)
    }

    /// Runs `body` with a new database and removes it afterwards.
    ///
    /// - Parameter seeded: whether there is a catalog, with the quest of the example.
    @discardableResult
    public static func with<Value>(
        seeded: Bool = true, autoClaim: Bool = false, _ body: (TestDatabase) async throws -> Value
    ) async throws -> Value {
        await Places.shared.take()
        do {
            let value = try await withPlace(seeded: seeded, autoClaim: autoClaim, body)
            await Places.shared.giveBack()
            return value
        } catch {
            await Places.shared.giveBack()
            throw error
        }
    }

    private static func withPlace<Value>(
        seeded: Bool, autoClaim: Bool, _ body: (TestDatabase) async throws -> Value
    ) async throws -> Value {
        let kind = seeded ? (autoClaim ? "auto" : "manual") : "empty"
        let template = "questline_template_\(kind)_\(ProcessInfo.processInfo.processIdentifier)"
        try await Templates.shared.make(template) { client in
            _ = try await Migrator(client, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }).migrate()
            if seeded { _ = try await Seeding(client).plant(seed(autoClaim: autoClaim)) }
        }
        let name = "questline_test_" + UUID().uuidString.lowercased().replacingOccurrences(of: "-", with: "")
        let cluster = try cluster()
        defer { cluster.close() }
        try await cluster.execute(script: "CREATE DATABASE \(name) TEMPLATE \(template)")
        let url = try url(of: name)
        let database = TestDatabase(
            name: name, url: url, client: PostgresClient(try PostgresConfiguration(url: url), poolSize: 8))
        do {
            let value = try await body(database)
            try await drop(database, cluster)
            return value
        } catch {
            try? await drop(database, cluster)
            throw error
        }
    }

    /// A client of its own for a second party.
    public func another(poolSize: Int = 2) throws -> PostgresClient {
        PostgresClient(try PostgresConfiguration(url: url), poolSize: poolSize)
    }

    private static func drop(_ database: TestDatabase, _ cluster: PostgresClient) async throws {
        database.client.close()
        try await cluster.execute(script: "DROP DATABASE \(database.name) WITH (FORCE)")
    }

    /// A client of the cluster's own database.
    static func cluster() throws -> PostgresClient {
        PostgresClient(try PostgresConfiguration(url: try baseURL()), poolSize: 1)
    }

    private static func baseURL() throws -> String {
        guard let url = ProcessInfo.processInfo.environment["QUESTLINE_TEST_DATABASE_URL"] else { throw Missing() }
        return url
    }

    private static func url(of name: String) throws -> String {
        guard var components = URLComponents(string: try baseURL()) else { throw Missing() }
        components.path = "/\(name)"
        guard let url = components.string else { throw Missing() }
        return url
    }
}
