import Catalog
import HTTPTypes
import Hummingbird
import Identity
import Logging
import NIOPosix
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
    let live: LiveHub
    let postgres: PostgresClient
    /// For explanations, which count all of a person's events: a few people who ask again and again wait for each other, and
    /// nobody's sign-in waits for them.
    let counting: PostgresClient
    /// For the people whose pages are open.
    let reading: PostgresClient
    let redis: RedisClient
    let cache: RedisClient
    /// The cache's server as well; sign-ins wait less long for it.
    let attempts: RedisClient
    /// What Postgres sees of this process.
    let member: FleetMember

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
        await attempts.close()
        counting.close()
        reading.close()
        postgres.close()
    }

    /// Makes everything there is, and asks nobody for anything yet.
    ///
    /// - Parameter onListening: told the port once the front listens.
    static func build(
        _ settings: FrontSettings, logger: Logger, onListening: @escaping @Sendable (Int) -> Void = { _ in }
    ) async throws -> App {
        var postgresConfiguration = settings.postgres
        let member = FleetMember(kind: "questline-front", pool: settings.pool + App.countingPool + LiveHub.readers)
        postgresConfiguration.applicationName = member.applicationName
        var redisConfiguration = settings.redis
        redisConfiguration.clientName = "questline-front"
        redisConfiguration.executor = LoopExecutor(MultiThreadedEventLoopGroup.singleton.next())
        var cacheConfiguration = settings.cache
        cacheConfiguration.clientName = "questline-front-cache"
        cacheConfiguration.connectTimeout = settings.patience.cache
        cacheConfiguration.commandTimeout = settings.patience.cache
        let postgres = PostgresClient(postgresConfiguration, poolSize: settings.pool, waiters: 1_000)
        let counting = PostgresClient(postgresConfiguration, poolSize: App.countingPool, waiters: 100)
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
            settings.acceptance, patience: settings.patience.stream, producer: producer, postgres: postgres,
            forwarder: forwarder, kept: kept,
            backlog: LoadGauge("quest_backlog_entries", limit: settings.backlogLimit),
            recall: Recall(limit: settings.recallLimit), logger: logger)
        let streamWatch = StreamWatch(redis: redis, keys: keys, intake: intake, logger: logger)
        let watch = AccessWatch(postgres)
        let changes = Changes(redis, keys: keys)
        let catalog = CatalogQueries(
            rows: QuestRows(postgres),
            projector: Projector(
                outbox: CatalogOutbox(postgres), rows: QuestRows(postgres), cache: cache, streams: redis, keys: keys),
            render: CatalogController.render)
        let reading = PostgresClient(postgresConfiguration, poolSize: LiveHub.readers, waiters: 16)
        let live = LiveHub(
            postgres: reading, catalog: catalog, access: watch.list, limits: settings.live, logger: logger)
        let pulse = Pulse(
            watch: watch, outbox: outbox, gauge: kept, intake: intake, redis: redis, changes: changes, live: live,
            logger: logger)

        let tokens = await Tokens(secret: settings.tokenSecret, previous: settings.previousTokenSecrets)
        let gate = Gate(tokens: tokens, watch: watch)
        let hasher = PasswordHasher(
            settings.passwords, threads: settings.hashThreads ?? PasswordHasher.cores, queue: settings.hashQueue)
        let attempts = App.attemptCounter(settings, keys: keys, logger: logger)
        var limits = Limits(attempts.counter)
        limits.signUpsByAddress = AttemptLimit(attempts: settings.signUpsPerHour, seconds: 3_600)
        limits.failedSignInsByName = AttemptLimit(attempts: settings.failedSignInsPerName, seconds: 300)
        limits.failedSignInsByBoth = AttemptLimit(attempts: settings.failedSignInsPerNameAndAddress, seconds: 300)
        limits.failedSignInsByAddress = AttemptLimit(attempts: settings.failedSignInsPerAddress, seconds: 300)
        let hints = Hints(changes: changes, live: live)
        let addresses = ClientAddress(proxies: settings.proxies)
        let users = Users(postgres)

        let router = Router(context: FrontContext.self)
        router.add(middleware: RequestMetrics())
        router.add(middleware: Envelope(crossOrigin: settings.crossOrigin))
        var root = Routes(router)
        var api = Routes(router, under: "api/v1")
        let health = HealthController(pulse: pulse)
        health.addProbes(to: &root)
        try PagesController().add(to: &root)
        health.add(to: &api)
        let signIn = PasswordSignIn(
            users: users, hasher: hasher, tokens: gate.tokens, limits: limits, intake: intake, addresses: addresses)
        let signOut = SignOut(revoked: RevokedTokens(postgres), gate: gate, hints: hints)
        LoginController(users: users, gate: gate, signIn: signIn, signOut: signOut).add(to: &api)
        SessionController(users: users, gate: gate, signIn: signIn, signOut: signOut).add(to: &api)
        UsersController(
            users: users, hasher: hasher, limits: limits, gate: gate, hints: hints, addresses: addresses
        ).add(to: &api)
        PersonController(progress: ProgressRows(postgres), claims: Claims(postgres), gate: gate, hints: hints).add(
            to: &api)
        WalletController(wallets: Wallets(postgres), gate: gate, hints: hints).add(to: &api)
        LiveController(hub: live, gate: gate).add(to: &api)
        ExplainController(explanations: Explanations(counting), gate: gate).add(to: &api)
        CatalogController(catalog: catalog).add(to: &api)
        CatalogCommandsController(commands: CatalogCommands(postgres), catalog: catalog, gate: gate).add(to: &api)
        SignInsController(gate: gate, intake: intake).add(to: &api)
        EventsController(events: EventLog(postgres), gate: gate).add(to: &api)
        StatusController(
            status: StatusReader(postgres: postgres, streams: redis, keys: keys, limits: settings.limits),
            activity: streamWatch.activity, gate: gate
        ).add(to: &api)
        DeadLettersController(
            desk: DeadLetterDesk(redis, postgres: postgres, keys: keys), gate: gate
        ).add(to: &api)
        APIKeysController(keys: APIKeyRows(postgres), gate: gate, hints: hints).add(to: &api)
        AuditController(audit: AuditLog(postgres), gate: gate).add(to: &api)
        root.close()
        api.close()

        let server = FrontServer.make(router, settings: settings, logger: logger) { port in
            pulse.announceStart()
            logger.notice("listening", metadata: ["url": "http://\(settings.host):\(port)"])
            onListening(port)
        }
        let listener = Listener(
            server: server, host: settings.host, port: settings.port, drain: settings.drain,
            onClosing: live.stop, logger: App.quiet(logger))
        return App(
            services: [pulse, streamWatch, forwarder, live, listener], routes: api.listed, pulse: pulse,
            streamWatch: streamWatch, live: live, postgres: postgres, counting: counting, reading: reading,
            redis: redis, cache: cache, attempts: attempts.redis, member: member)
    }

    /// Connections for explanations.
    private static let countingPool = 2

    /// Counts failed sign-ins and sign-ups, over a connection of its own.
    private static func attemptCounter(
        _ settings: FrontSettings, keys: StreamKeys, logger: Logger
    ) -> (counter: SharedAttempts, redis: RedisClient) {
        var configuration = settings.cache
        configuration.clientName = "questline-front-attempts"
        configuration.connectTimeout = settings.patience.attempts
        configuration.commandTimeout = settings.patience.attempts
        let redis = RedisClient(configuration, logger: logger)
        let outage = OutageLog(
            "The count of sign-in attempts", beginning: "is kept by this front alone, for the cache is away",
            end: "is shared again after", logger: logger)
        let counter = SharedAttempts(redis, keys: keys, secret: settings.tokenSecret) { error in
            if let error { outage.failed(error) } else { outage.succeeded() }
        }
        return (counter, redis)
    }

    /// The server's own lines about every connection are not for an operator.
    static func quiet(_ logger: Logger) -> Logger {
        var quiet = logger
        quiet.logLevel = max(.notice, logger.logLevel)
        return quiet
    }
}
