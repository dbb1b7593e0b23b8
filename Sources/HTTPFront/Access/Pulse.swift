import Identity
import Logging
import Postgres
import Redis
import Runtime
import ServiceLifecycle
import Storage
import Streams
import Synchronization

/// What the front does regularly: it reads who was locked out, from Postgres every two seconds and whenever Redis hints that
/// something changed, and how full the outbox is.
final class Pulse: Service {
    let watch: AccessWatch
    private let outbox: SignInOutbox
    private let gauge: LoadGauge
    private let intake: Intake
    private let redis: RedisClient
    private let changes: Changes
    private let live: LiveHub
    private let logger: Logger
    private let outage: OutageLog
    private let isOpen = Mutex(false)
    private let isStopping = Mutex(false)

    init(
        watch: AccessWatch, outbox: SignInOutbox, gauge: LoadGauge, intake: Intake, redis: RedisClient,
        changes: Changes, live: LiveHub, logger: Logger
    ) {
        self.watch = watch
        self.outbox = outbox
        self.gauge = gauge
        self.intake = intake
        self.redis = redis
        self.changes = changes
        self.live = live
        self.logger = logger
        outage = OutageLog("Postgres", logger: logger)
    }

    /// Ready as long as one of the two can take a sign-in: with either away the front still does half of its work, and no
    /// other front could do more.
    var readiness: Readiness {
        if isStopping.withLock({ $0 }) { return .waiting(["stopping"]) }
        // Whoever sends requests here once it is ready must not be refused a connection.
        if !isOpen.withLock({ $0 }) { return .waiting(["the port is not open yet"]) }
        if !watch.isLoaded { return .waiting(["the list of revoked tokens and API keys was not read yet"]) }
        if outage.isOut && intake.isStreamAway { return .waiting(["Postgres is away", "Redis is away"]) }
        return .ready
    }

    func run() async throws {
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { await self.beat() }
            group.addTask { await self.count() }
            group.addTask { await self.listen() }
            try? await gracefulShutdown()
            group.cancelAll()
        }
    }

    /// The port for requests is open.
    func announceStart() {
        isOpen.withLock { $0 = true }
    }

    /// From now on it is not ready, so that no new requests are sent here; it goes on working for those that are.
    func announceStop() {
        isStopping.withLock { $0 = true }
    }

    private func beat() async {
        while !Task.isCancelled {
            await refresh()
            try? await Task.sleep(for: AccessWatch.interval)
        }
    }

    private func refresh() async {
        do {
            try await watch.refresh()
            live.recheck()
            outage.succeeded()
        } catch {
            gauge.unknown()
            if !Task.isCancelled { outage.failed(error) }
        }
    }

    /// A count reads the whole outbox, which is long in an outage, so a twentieth of the time goes into it at most; until the
    /// next one the gauge adds up what this front admits.
    private func count() async {
        while !Task.isCancelled {
            let began = ContinuousClock.now
            var pause = AccessWatch.interval
            gauge.counting()
            do {
                gauge.counted(try await outbox.backlog().count)
                pause = max(pause, min((.now - began) * 20, Pulse.longestPause))
            } catch {
                gauge.unknown()
            }
            try? await Task.sleep(for: pause)
        }
    }

    /// Fronts do not see what others admit before they count again.
    private static let longestPause = Duration.seconds(30)

    /// A hint is only a reason to read sooner. After a reconnect hints may have been missed, which is one as well.
    private func listen() async {
        var mustWarn = true
        for await event in changes.listen() {
            switch event {
            case .mayHaveMissed:
                if mustWarn { mustWarn = await !warnOfWeakness() }
                live.changedAll()
                await refresh()
            case .hint(.revoked): await refresh()
            case .hint(.people(let people)): live.changed(people)
            case .hint: break
            }
        }
    }

    /// Names once what makes an accepted sign-in less durable than promised.
    ///
    /// - Returns: whether the server could be asked.
    private func warnOfWeakness() async -> Bool {
        guard let weaknesses = try? await Durability.weaknesses(redis) else { return false }
        if !weaknesses.isEmpty {
            logger.warning("accepted sign-ins are less durable than promised: \(weaknesses.joined(separator: " "))")
        }
        return true
    }
}
