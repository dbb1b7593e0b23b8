import Identity
import Operations
import Postgres
import Redis
import Runtime
import Storage
import Streams

/// Everything the front reads from its environment.
struct FrontSettings: Sendable {
    var process: ProcessSettings
    var postgres: PostgresConfiguration
    var redis: RedisConfiguration
    var cache: RedisConfiguration
    /// Whether the cache shares the server of the streams, which a full cache could then hurt.
    var sharesRedis: Bool
    var prefix: String
    var acceptance: Acceptance
    var patience = Patience()
    var host: String
    /// 0 means any free port.
    var port: Int
    var pool: Int
    /// How long requests are still taken after the order to stop, so that a gateway sees `/readyz` fail first.
    var drain: Duration
    var tokenSecret: String
    /// Of tokens that were signed before the secret was exchanged.
    var previousTokenSecrets: [String]
    var passwords: PasswordParameters
    var hashThreads: Int?
    var hashQueue: Int
    var outboxLimit: Int64
    var limits: StatusLimits
    var backlogLimit: Int64
    var recallLimit: Int
    var live: LiveHub.Limits
    var proxies: [NetworkRange]
    var crossOrigin: CrossOrigin
    var signUpsPerHour: Int
    var failedSignInsPerName: Int
    var failedSignInsPerNameAndAddress: Int
    var failedSignInsPerAddress: Int

    /// How long a request waits for a server before it does without it. No setting: only tests are more patient, so that
    /// a busy machine is not taken for a server that is away.
    struct Patience: Sendable {
        /// Then the outbox takes the sign-in.
        var stream = Duration.seconds(1)
        /// A cache that hangs must not hold a request up for longer than Postgres needs to answer it.
        var cache = Duration.milliseconds(500)
        /// A sign-in waits for the counters of attempts twice.
        var attempts = Duration.milliseconds(200)
    }

    /// For a local environment only: production refuses it.
    static let localTokenSecret = "questline local secret, known to everybody"

    /// - Throws: `SettingsError` with everything that is wrong.
    static func read(_ environment: [String: String]) throws(SettingsError) -> FrontSettings {
        try SettingsReader.read(environment) { FrontSettings(&$0) }
    }

    private init?(_ reader: inout SettingsReader) {
        process = ProcessSettings(&reader, probePort: 0)
        let postgres = reader.parsed("DATABASE_URL") { try PostgresConfiguration(url: $0) }
        let redis = reader.parsed("REDIS_URL") { try RedisConfiguration(url: $0) }
        sharesRedis = !reader.isSet("CACHE_REDIS_URL")
        let cache = sharesRedis ? redis : reader.parsed("CACHE_REDIS_URL") { try RedisConfiguration(url: $0) }
        prefix = reader.string("QUESTLINE_PREFIX", default: "quest")
        acceptance = reader.choice("QUESTLINE_ACCEPT", default: .stream)
        host = reader.string("QUESTLINE_HOST", default: "127.0.0.1")
        port = reader.integer("QUESTLINE_PORT", default: 5_173, in: 0...65_535)
        pool = reader.integer("QUESTLINE_POOL", default: 8, in: 1...100)
        drain = .seconds(reader.integer("QUESTLINE_DRAIN_SECONDS", default: 0, in: 0...60))
        tokenSecret = reader.secret(
            "QUESTLINE_JWT_SECRET", localDefault: FrontSettings.localTokenSecret, in: process.deployment,
            minimumBytes: Tokens.minimumSecretBytes)
        previousTokenSecrets = FrontSettings.previousSecrets(&reader, in: process.deployment)
        passwords = PasswordParameters(
            memory: UInt32(reader.integer("QUESTLINE_HASH_MEMORY_KIB", default: 19_456, in: 64...262_144)),
            passes: UInt32(reader.integer("QUESTLINE_HASH_PASSES", default: 2, in: 1...16)), lanes: 1)
        let threads = reader.integer("QUESTLINE_HASH_THREADS", default: 0, in: 0...256)
        hashThreads = threads == 0 ? nil : threads
        hashQueue = reader.integer("QUESTLINE_HASH_QUEUE", default: 256, in: 0...10_000)
        outboxLimit = Int64(
            reader.integer("QUESTLINE_OUTBOX_LIMIT", default: Int(SignInOutbox.defaultLimit), in: 0...100_000_000))
        limits = StatusLimits { reader.integer($0, default: $1, in: $2) }
        backlogLimit = Int64(
            reader.integer("QUESTLINE_BACKLOG_LIMIT", default: 2_000_000, in: 1...1_000_000_000))
        recallLimit = reader.integer("QUESTLINE_RECALL_LIMIT", default: Recall.defaultLimit, in: 0...10_000_000)
        live = LiveHub.Limits(
            streams: reader.integer("QUESTLINE_LIVE_LIMIT", default: 2_000, in: 0...100_000),
            perPerson: reader.integer("QUESTLINE_LIVE_PER_PERSON", default: 8, in: 1...1_000))
        proxies =
            reader.isSet("QUESTLINE_PROXIES")
            ? reader.parsed("QUESTLINE_PROXIES") { try ClientAddress.proxies($0) } ?? [] : []
        crossOrigin =
            reader.isSet("QUESTLINE_CORS_ORIGINS")
            ? reader.parsed("QUESTLINE_CORS_ORIGINS") { try CrossOrigin.read($0) } ?? .none : .none
        // Behind one address there may be a whole test suite locally, or a whole school in production.
        let isLocal = process.deployment == .local
        signUpsPerHour = reader.integer(
            "QUESTLINE_SIGN_UPS_PER_HOUR", default: isLocal ? 10_000 : 100, in: 1...1_000_000)
        failedSignInsPerName = reader.integer("QUESTLINE_FAILED_SIGN_INS_PER_NAME", default: 50, in: 1...1_000_000)
        failedSignInsPerNameAndAddress = reader.integer(
            "QUESTLINE_FAILED_SIGN_INS_PER_NAME_AND_ADDRESS", default: 10, in: 1...1_000_000)
        failedSignInsPerAddress = reader.integer(
            "QUESTLINE_FAILED_SIGN_INS_PER_ADDRESS", default: 50, in: 1...1_000_000)
        guard let postgres, let redis, let cache else { return nil }
        reader.refuseLocalPasswords(
            ["DATABASE_URL": postgres.password, "REDIS_URL": redis.password, "CACHE_REDIS_URL": cache.password],
            in: process.deployment)
        self.postgres = postgres
        self.redis = redis
        self.cache = cache
    }

    /// One secret on each line, or several on a line with commas between them.
    private static func previousSecrets(_ reader: inout SettingsReader, in deployment: Deployment) -> [String] {
        let name = "QUESTLINE_JWT_PREVIOUS_SECRETS"
        guard let text = reader.secret(name) else { return [] }
        // The local secret holds a comma itself.
        let secrets = text.split(whereSeparator: \.isNewline).flatMap { line in
            line.replacing(localTokenSecret, with: "").split(separator: ",").map(String.init)
                + (line.contains(localTokenSecret) ? [localTokenSecret] : [])
        }.map { $0.trimmed }.filter { !$0.isEmpty }
        if deployment == .production, secrets.contains(localTokenSecret) {
            reader.report(name, "holds the well-known default in production")
        } else if secrets.contains(where: { $0.utf8.count < Tokens.minimumSecretBytes }) {
            reader.report(name, "must hold secrets of at least \(Tokens.minimumSecretBytes) bytes each")
        }
        return secrets
    }
}

extension String {
    /// Without blanks at either end.
    var trimmed: String {
        String(drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed())
    }
}
