import Catalog
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Identity
import Logging
import NIOCore
import Operations
import Postgres
import Redis
import Runtime
import ServiceLifecycle
import Storage
import Streams

/// The front, assembled.
struct App: Sendable {
    let services: [any Service]
    /// Every method and path under `/api/v1`, as `GET /users/{user_id}`.
    let routes: Set<String>
    let pulse: Pulse
    let streamWatch: StreamWatch
    let postgres: PostgresClient
    let redis: RedisClient
    let cache: RedisClient

    /// What has to be known before the first request: who is locked out, and how the streams stand.
    ///
    /// - Throws: `PostgresError`.
    func prepare() async throws {
        try await pulse.watch.refresh()
        await streamWatch.look()
    }

    /// Closes what the services used, once they have stopped.
    func close() async {
        await redis.close()
        await cache.close()
        postgres.close()
    }

    /// Makes everything there is, and asks nobody for anything yet.
    ///
    /// - Parameter onListening: told the port once the front listens.
    static func build(
        _ settings: FrontSettings, logger: Logger, onListening: @escaping @Sendable (Int) -> Void = { _ in }
    ) async throws -> App {
        var postgresConfiguration = settings.postgres
        postgresConfiguration.applicationName = "questline-front"
        var redisConfiguration = settings.redis
        redisConfiguration.clientName = "questline-front"
        var cacheConfiguration = settings.cache
        cacheConfiguration.clientName = "questline-front-cache"
        // A cache that hangs must not hold a request up for longer than Postgres needs to answer it.
        cacheConfiguration.connectTimeout = .milliseconds(500)
        cacheConfiguration.commandTimeout = .milliseconds(500)
        let postgres = PostgresClient(postgresConfiguration, poolSize: settings.pool, waiters: 1_000)
        let redis = RedisClient(redisConfiguration, logger: logger)
        let cache = RedisClient(cacheConfiguration, logger: logger)
        let keys = StreamKeys(prefix: settings.prefix)

        if settings.sharesRedis {
            logger.warning("CACHE_REDIS_URL is not set: the cache shares the server of the streams")
        }

        let producer = Producer(redis, keys: keys)
        let outbox = SignInOutbox(postgres)
        let kept = LoadGauge("quest_outbox_rows", limit: settings.outboxLimit)
        let forwarder = Forwarder(producer: producer, outbox: outbox)
        let intake = Intake(
            settings.acceptance, producer: producer, postgres: postgres, forwarder: forwarder, kept: kept,
            backlog: LoadGauge("quest_backlog_entries", limit: settings.backlogLimit),
            recall: Recall(limit: settings.recallLimit), logger: logger)
        let streamWatch = StreamWatch(redis: redis, keys: keys, intake: intake, logger: logger)
        let watch = AccessWatch(postgres)
        let changes = Changes(redis, keys: keys)
        let pulse = Pulse(
            watch: watch, outbox: outbox, gauge: kept, intake: intake, redis: redis, changes: changes, logger: logger)

        let gate = Gate(tokens: await Tokens(secret: settings.tokenSecret), watch: watch)
        let hasher = PasswordHasher(
            settings.passwords, threads: settings.hashThreads ?? PasswordHasher.cores, queue: settings.hashQueue)
        var limits = Limits(AttemptMemory())
        limits.signUpsByAddress = AttemptLimit(attempts: settings.signUpsPerHour, seconds: 3_600)
        limits.failedSignInsByName = AttemptLimit(attempts: settings.failedSignInsPerName, seconds: 300)
        limits.failedSignInsByAddress = AttemptLimit(attempts: settings.failedSignInsPerAddress, seconds: 300)
        let hints = Hints(changes: changes)
        let addresses = ClientAddress(proxies: settings.proxies)
        let users = Users(postgres)

        let router = Router(context: FrontContext.self)
        router.add(middleware: MetricsMiddleware())
        router.add(middleware: Envelope(logger: logger))
        var root = Routes(router)
        var api = Routes(router, under: "api/v1")
        let health = HealthController(pulse: pulse)
        health.addProbes(to: &root)
        try PagesController().add(to: &root)
        health.add(to: &api)
        LoginController(
            users: users, revoked: RevokedTokens(postgres), hasher: hasher, tokens: gate.tokens, limits: limits,
            gate: gate, intake: intake, hints: hints, addresses: addresses
        ).add(to: &api)
        UsersController(
            users: users, hasher: hasher, limits: limits, gate: gate, hints: hints, addresses: addresses
        ).add(to: &api)
        PersonController(
            progress: ProgressRows(postgres), claims: Claims(postgres), wallets: Wallets(postgres), gate: gate
        ).add(to: &api)
        CatalogController(
            catalog: CatalogQueries(rows: QuestRows(postgres), cache: cache, keys: keys)
        ).add(to: &api)
        SignInsController(gate: gate, intake: intake).add(to: &api)
        EventsController(events: EventLog(postgres), gate: gate).add(to: &api)
        StatusController(
            status: StatusReader(postgres: postgres, streams: redis, keys: keys, limits: settings.limits), gate: gate
        ).add(to: &api)
        DeadLettersController(
            desk: DeadLetterDesk(redis, postgres: postgres, keys: keys), gate: gate
        ).add(to: &api)
        root.close()
        api.close()

        let server = Application(
            router: router,
            server: .http1(configuration: .init(idleTimeout: .seconds(75))),
            configuration: ApplicationConfiguration(
                address: .hostname(settings.host, port: settings.port),
                availableConnectionsDelegate: MaximumAvailableConnections(App.mostConnections)),
            onServerRunning: { channel in
                let port = channel.localAddress?.port ?? settings.port
                logger.notice("listening", metadata: ["url": "http://\(settings.host):\(port)"])
                onListening(port)
            }, logger: App.quiet(logger))
        let listener = Listener(
            server: server, host: settings.host, port: settings.port, drain: settings.drain, logger: App.quiet(logger))
        return App(
            services: [pulse, streamWatch, forwarder, listener], routes: api.listed, pulse: pulse,
            streamWatch: streamWatch, postgres: postgres, redis: redis, cache: cache)
    }

    /// Further ones wait in the kernel's queue.
    static let mostConnections = 10_000

    /// The server's own lines about every connection are not for an operator.
    static func quiet(_ logger: Logger) -> Logger {
        var quiet = logger
        quiet.logLevel = max(.notice, logger.logLevel)
        return quiet
    }
}
