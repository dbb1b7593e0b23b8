import Catalog
import Domain
import Glibc
import Logging
import Postgres
import Redis
import Runtime
import Storage
import Streams

/// The clients of one process, and how it tells of outages.
struct Connections: Sendable {
    let settings: WorkerSettings
    let logger: Logger
    let postgres: PostgresClient
    let streams: RedisClient
    let cache: RedisClient
    let postgresOutage: OutageLog
    let redisOutage: OutageLog
    let cacheOutage: OutageLog
    let catalogOutage: OutageLog
    /// Batches that a healthy database does not get done: they wait for locks, or take too long.
    let contention: OutageLog
    /// What Postgres sees of a process that stays; commands come and go.
    let member: FleetMember?

    init(_ settings: WorkerSettings, logger: Logger, stays: Bool = false) {
        self.settings = settings
        self.logger = logger
        member = stays ? FleetMember(kind: settings.database.applicationName, pool: settings.poolSize) : nil
        var database = settings.database
        if let member { database.applicationName = member.applicationName }
        postgres = PostgresClient(database, poolSize: settings.poolSize)
        streams = RedisClient(settings.streams, logger: logger)
        cache = RedisClient(settings.cache, logger: logger)
        postgresOutage = OutageLog("Postgres", logger: logger)
        redisOutage = OutageLog("Redis", logger: logger)
        cacheOutage = OutageLog("The cache", logger: logger)
        catalogOutage = OutageLog("The catalog", logger: logger)
        contention = OutageLog(
            "A batch", beginning: "is not done for seconds, trying on", end: "got through after", logger: logger)
    }

    /// Reads the settings and starts logging.
    ///
    /// - Parameter stays: whether this process is a worker, and no command that is done in a moment.
    /// - Throws: `SettingsError` naming every wrong setting.
    static func fromEnvironment(
        _ environment: [String: String] = Launch.environment, stays: Bool = false
    ) throws -> Connections {
        Connections(started: try SettingsReader.read(environment) { WorkerSettings(&$0) }, stays: stays)
    }

    /// Starts logging as the settings say.
    init(started settings: WorkerSettings, stays: Bool = false) {
        Logs.start(settings.process)
        self.init(settings, logger: Logger(label: "questline-worker"), stays: stays)
    }

    /// Waits until Postgres answers, saying so once.
    ///
    /// - Throws: `PostgresError` that waiting does not help, `CancellationError`.
    func waitForPostgres() async throws {
        try await patiently { _ = try await postgres.query("SELECT 1", operation: "greet the database") }
    }

    /// Waits until the database has the schema these executables need, saying so once.
    ///
    /// - Throws: as `waitForPostgres`.
    func waitForMigrations() async throws {
        var pause = Pause()
        do {
            try await Migrator(postgres, logger: logger).waitUntilCurrent { error in
                if let error { postgresOutage.failed(error) } else { postgresOutage.succeeded() }
            } pause: {
                try await pause.wait()
            }
        } catch let error as PostgresError where error.code == .configuration {
            throw Connections.wrongDatabase(error)
        }
    }

    /// Whoever asks for readiness does not wait longer than this for a server that hangs.
    private static let probePatience = Duration.seconds(2)

    /// Ready while Postgres and Redis answer and the schema is there.
    func readiness() async -> Readiness {
        async let version = try? withDeadline(Connections.probePatience) { [postgres] in
            try await Migrator.version(of: postgres)
        }
        async let pong = try? withDeadline(Connections.probePatience) { [streams] in try await streams.send(["PING"]) }
        var reasons: [String] = []
        if let version = await version {
            if version < Migrator.requiredVersion { reasons.append("the database is not migrated") }
        } else {
            reasons.append("Postgres is away")
        }
        if await pong == nil { reasons.append("Redis is away") }
        return reasons.isEmpty ? .ready : .waiting(reasons)
    }

    /// - Throws: `WeakDurability` when a commit would not be durable.
    func requireDurability() async throws {
        let rows = try await patiently {
            try await postgres.query("SELECT current_setting('synchronous_commit')", operation: "read durability")
        }
        if try rows.first?.decode(0, as: String.self) == "off" { throw WeakDurability() }
        if let weaknesses = try? await Durability.weaknesses(streams), !weaknesses.isEmpty {
            logger.warning(
                "Redis may lose accepted sign-ins", metadata: ["because": "\(weaknesses.joined(separator: "; "))"])
        }
    }

    /// Says how many connections all processes may open, and warns if Postgres does not allow so many.
    ///
    /// - Throws: `SettingsError` if it does not even allow those of this process.
    func requireConnections() async throws {
        guard let member else { return }
        let budget = try await patiently { try await ConnectionBudget.read(postgres, own: member) }
        if let reason = budget.refusal(of: member) {
            throw SettingsError([SettingProblem(name: "QUESTLINE_POOL", reason: reason)])
        }
        for warning in budget.warnings { logger.warning("\(warning)") }
    }

    @discardableResult
    private func patiently<Value>(_ body: () async throws -> Value) async throws -> Value {
        var pause = Pause()
        while true {
            do {
                let value = try await body()
                postgresOutage.succeeded()
                return value
            } catch let error as PostgresError where error.isRetryable {
                postgresOutage.failed(error)
            } catch let error as PostgresError where error.code == .configuration {
                throw Connections.wrongDatabase(error)
            }
            try await pause.wait()
        }
    }

    private static func wrongDatabase(_ error: PostgresError) -> SettingsError {
        SettingsError([SettingProblem(name: "DATABASE_URL", reason: error.message)])
    }

    /// The name of this process in consumer groups: host, process and a random start id.
    static func consumerName() -> String {
        var name = [CChar](repeating: 0, count: 256)
        gethostname(&name, name.count - 1)
        let host = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return "\(host)-\(getpid())-\(String(UInt32.random(in: .min ... .max), radix: 16))"
    }
}

struct WeakDurability: Error, CustomStringConvertible {
    var description: String {
        "Postgres has synchronous_commit=off, which loses committed rewards: set it to on"
    }
}
