import Domain
import Operations
import Postgres
import Redis
import Runtime
import Streams

/// The loops a worker can run.
enum Role: String, CaseIterable, Sendable {
    /// Records sign-ins and advances progress.
    case progress
    /// Stores claims for completions and credits wallets.
    case claims
    /// Publishes what waits in the outboxes.
    case relay
    /// Trims streams, removes what nobody needs any more, and watches over what Redis may lose.
    case janitor
}

/// What every command of the worker reads.
struct WorkerSettings: Sendable {
    let process: ProcessSettings
    let database: PostgresConfiguration
    let streams: RedisConfiguration
    let cache: RedisConfiguration
    let keys: StreamKeys
    let poolSize: Int
    let roles: Set<Role>
    /// The most entries of one transaction.
    let batchSize: Int
    /// An entry that was delivered so long ago and is not acknowledged is taken over from its consumer.
    let reclaimIdle: Duration
    /// Acknowledged entries younger than this stay in their streams.
    let retention: Duration
    let limits: StatusLimits

    init?(_ reader: inout SettingsReader) {
        process = ProcessSettings(&reader, probePort: 0)
        let database = reader.parsed("DATABASE_URL") { try PostgresConfiguration(url: $0) }
        let streams = reader.parsed("REDIS_URL") { try RedisConfiguration(url: $0) }
        let cache =
            reader.isSet("CACHE_REDIS_URL")
            ? reader.parsed("CACHE_REDIS_URL") { try RedisConfiguration(url: $0) } : streams
        keys = StreamKeys(prefix: reader.string("QUESTLINE_PREFIX", default: "quest"))
        poolSize = reader.integer("QUESTLINE_POOL", default: 6, in: 3...100)
        batchSize = reader.integer("QUESTLINE_BATCH", default: 4_000, in: 1...10_000)
        reclaimIdle = .seconds(reader.integer("QUESTLINE_RECLAIM_SECONDS", default: 30, in: 1...3_600))
        retention = .seconds(60 * reader.integer("QUESTLINE_RETENTION_MINUTES", default: 60, in: 0...525_600))
        limits = StatusLimits { reader.integer($0, default: $1, in: $2) }
        roles = WorkerSettings.roles(
            reader.string("QUESTLINE_WORKER_ROLES", default: "progress,claims,relay,janitor"), &reader)
        guard var database, let streams, let cache else { return nil }
        reader.refuseLocalPasswords(
            ["DATABASE_URL": database.password, "REDIS_URL": streams.password, "CACHE_REDIS_URL": cache.password],
            in: process.deployment)
        database.applicationName = "questline-worker"
        // Whatever the server still does for a stopped worker ends before another one takes its entries over.
        database.limitTimeouts(to: reclaimIdle * 0.8)
        self.database = database
        self.streams = streams
        self.cache = cache
    }

    private static func roles(_ text: String, _ reader: inout SettingsReader) -> Set<Role> {
        var roles: Set<Role> = []
        for name in text.split(separator: ",").map({ $0.filter { !$0.isWhitespace } }) {
            if let role = Role(rawValue: name) {
                roles.insert(role)
            } else {
                reader.report("QUESTLINE_WORKER_ROLES", "names no role: progress, claims, relay, janitor are the roles")
            }
        }
        if roles.isEmpty { reader.report("QUESTLINE_WORKER_ROLES", "names no role at all") }
        return roles
    }
}
