import Foundation
import Postgres
import Redis
import Streams
import Synchronization
import TestSupport
import Testing

/// An installation of a test's own: a database, a corner of a Redis, and the executables that the test starts.
final class Stage: Sendable {
    static let apiKey = "ql_key_of_the_guarantee_tests"

    let database: PostgresClient
    let redis: RedisClient
    let keys: StreamKeys
    let producer: Producer
    /// What every process of this installation is started with.
    let settings: [String: String]
    private let started = Mutex<[ChildProcess]>([])

    /// In the shared servers, with the example's quest unless `seeded` is false.
    static func with(
        seeded: Bool = true, autoClaim: Bool = false, _ body: (Stage) async throws -> Void
    ) async throws {
        guard let url = ProcessInfo.processInfo.environment["QUESTLINE_TEST_REDIS_URL"] else {
            throw TestRedis.NoServer()
        }
        try await TestDatabase.with(seeded: seeded, autoClaim: autoClaim) { database in
            try await TestRedis.with { redis in
                try await with(databaseURL: database.url, redisURL: url, prefix: redis.prefix, body)
            }
        }
    }

    /// With a Redis that the test may kill.
    static func withPrivateRedis(
        seeded: Bool = true, autoClaim: Bool = false, _ body: (Stage, PrivateRedis) async throws -> Void
    ) async throws {
        try await TestDatabase.with(seeded: seeded, autoClaim: autoClaim) { database in
            try await PrivateRedis.with { redis in
                try await with(databaseURL: database.url, redisURL: redis.url, prefix: "quest") { stage in
                    try await body(stage, redis)
                }
            }
        }
    }

    /// With a database that the test may kill; it is neither started nor migrated.
    static func withPrivatePostgres(_ body: (Stage, PrivatePostgres) async throws -> Void) async throws {
        guard let url = ProcessInfo.processInfo.environment["QUESTLINE_TEST_REDIS_URL"] else {
            throw TestRedis.NoServer()
        }
        try await PrivatePostgres.with { postgres in
            try await TestRedis.with { redis in
                try await with(databaseURL: postgres.url, redisURL: url, prefix: redis.prefix) { stage in
                    try await body(stage, postgres)
                }
            }
        }
    }

    private static func with(
        databaseURL: String, redisURL: String, prefix: String, _ body: (Stage) async throws -> Void
    ) async throws {
        let stage = try Stage(databaseURL: databaseURL, redisURL: redisURL, prefix: prefix)
        do {
            try await body(stage)
            await stage.end()
        } catch {
            stage.tell(of: error)
            await stage.end()
            throw error
        }
    }

    private init(databaseURL: String, redisURL: String, prefix: String) throws {
        var configuration = try PostgresConfiguration(url: databaseURL)
        configuration.statementTimeout = .seconds(60)
        // Not one of ours, whose stalled transactions workers end.
        configuration.applicationName = "tests"
        database = PostgresClient(configuration, poolSize: 3)
        redis = RedisClient(try RedisConfiguration(url: redisURL), logger: TestLog.logger)
        keys = StreamKeys(prefix: prefix)
        producer = Producer(redis, keys: keys)
        settings = [
            "DATABASE_URL": databaseURL, "REDIS_URL": redisURL, "CACHE_REDIS_URL": redisURL,
            "QUESTLINE_PREFIX": prefix, "QUESTLINE_LOG": "text", "QUESTLINE_PORT": "0", "QUESTLINE_PROBE_PORT": "0",
            "QUESTLINE_API_KEY": Stage.apiKey, "QUESTLINE_HASH_MEMORY_KIB": "64", "QUESTLINE_HASH_PASSES": "1",
            "QUESTLINE_RECLAIM_SECONDS": "2",
        ]
    }

    // MARK: Processes

    /// Starts a process and does not wait for anything.
    func start(
        _ executable: Executable, _ arguments: [String] = [], _ more: [String: String] = [:]
    ) throws -> ChildProcess {
        let process = try executable.start(arguments, settings: settings.merging(more) { _, new in new })
        started.withLock { $0.append(process) }
        return process
    }

    /// A worker that works.
    func worker(roles: String? = nil, _ more: [String: String] = [:]) async throws -> ChildProcess {
        let process = try start(.worker, ["run"] + (roles.map { ["--roles", $0] } ?? []), more)
        try await process.line(containing: "working")
        return process
    }

    func workers(_ count: Int, _ more: [String: String] = [:]) async throws -> [ChildProcess] {
        let processes = try (0..<count).map { _ in try start(.worker, ["run"], more) }
        for process in processes { try await process.line(containing: "working") }
        return processes
    }

    /// A front that listens.
    func front(_ more: [String: String] = [:]) async throws -> Front {
        let process = try start(.front, [], more)
        let line = try await process.line(containing: "listening")
        guard let text = line.split(separator: " ").first(where: { $0.hasPrefix("url=") })?.dropFirst(4),
            let url = URL(string: String(text))
        else { throw Unrecoverable("no address in '\(line)'") }
        return Front(process: process, url: url)
    }

    /// Runs a command to its end.
    func run(
        _ executable: Executable = .worker, _ arguments: [String] = [], _ more: [String: String] = [:]
    ) async throws -> (code: Int32, lines: [String]) {
        let process = try start(executable, arguments, more)
        return (try await process.exitCode(within: .seconds(120)), process.lines)
    }

    /// `questline-worker migrate`, which also seeds what is missing.
    func migrate(_ more: [String: String] = [:]) async throws {
        let (code, lines) = try await run(.worker, ["migrate"], more)
        try #require(code == 0, "migrate: \(lines)")
    }

    /// `questline-worker verify` finds no difference.
    func verify(sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let (code, lines) = try await run(.worker, ["verify"])
        #expect(code == 0, "verify: \(lines.suffix(10))", sourceLocation: sourceLocation)
    }

    /// Everything that the processes have logged until now.
    var log: [String] { started.withLock { $0 }.flatMap(\.lines) }

    private func tell(of error: any Error) {
        guard !(error is CancellationError) else { return }
        Issue.record("the log ended with \(log.suffix(15).joined(separator: "\n"))")
    }

    private func end() async {
        for process in started.withLock({ $0 }) { await process.end() }
        database.close()
        await redis.close()
    }
}
