import Logging
import Postgres
import Runtime
import ServiceLifecycle
import Storage
import Synchronization

/// Everything but the probes, from waiting for the database to the last answer.
final class FrontProcess: Service {
    private enum Phase {
        case waiting(because: String)
        case working(App)
        case stopping
    }

    private let settings: FrontSettings
    private let logger: Logger
    private let onListening: @Sendable (Int) -> Void
    private let pools = (main: PoolMeter(pool: "main"), explain: PoolMeter(pool: "explain"))
    private let phase = Mutex(Phase.waiting(because: "starting"))

    /// - Parameter onListening: told the port once the front listens.
    init(_ settings: FrontSettings, logger: Logger, onListening: @escaping @Sendable (Int) -> Void = { _ in }) {
        self.settings = settings
        self.logger = logger
        self.onListening = onListening
    }

    var readiness: Readiness {
        switch phase.withLock({ $0 }) {
        case .waiting(let reason): .waiting([reason])
        case .working(let app): app.pulse.readiness
        case .stopping: .waiting(["stopping"])
        }
    }

    /// What works; nil before the database is ready for it, and at the end.
    var app: App? {
        guard case .working(let app) = phase.withLock({ $0 }) else { return nil }
        return app
    }

    /// Shows how the pools stand now.
    func showPools() {
        guard let app else { return }
        pools.main.show(app.postgres.poolCounts, limit: app.postgres.poolSize)
        pools.explain.show(app.counting.poolCounts, limit: app.counting.poolSize)
    }

    func run() async throws {
        let app = try await App.build(settings, logger: logger, onListening: onListening)
        try await withGracefulShutdownHandler {
            do {
                try await cancelWhenGracefulShutdown { try await self.open(app) }
            } catch let error as PostgresError where error.code == .configuration {
                throw SettingsError([SettingProblem(name: "DATABASE_URL", reason: error.message)])
            } catch {
                // Told to stop before there was anything to do.
                guard Task.isShuttingDownGracefully else { throw error }
                return
            }
            phase.withLock { if case .waiting = $0 { $0 = .working(app) } }
            try await ServiceGroup(configuration: configuration(app.services)).run()
        } onGracefulShutdown: {
            self.phase.withLock { $0 = .stopping }
            app.pulse.announceStop()
        }
        await app.close()
    }

    /// Waits until the database is ready, saying once why it waits.
    private func open(_ app: App) async throws {
        let outage = OutageLog("Postgres", logger: logger)
        func pause() async throws { try await Task.sleep(for: .milliseconds(500)) }
        while true {
            try await Migrator(app.postgres, logger: logger).waitUntilCurrent { error in
                if let error { outage.failed(error) } else { outage.succeeded() }
                wait(because: error == nil ? "the database is not migrated" : "Postgres is away")
            } pause: {
                try await pause()
            }
            do {
                try await requireConnections(app)
                return try await app.prepare()
            } catch let error as PostgresError where error.isRetryable {
                outage.failed(error)
                wait(because: "Postgres is away")
            }
            try await pause()
        }
    }

    /// Warns if Postgres does not allow as many connections as all processes may open.
    ///
    /// - Throws: `PostgresError`, `SettingsError` if it does not even allow those of this process.
    private func requireConnections(_ app: App) async throws {
        let budget = try await ConnectionBudget.read(app.postgres, own: app.member)
        if let reason = budget.refusal(of: app.member) {
            throw SettingsError([SettingProblem(name: "QUESTLINE_POOL", reason: reason)])
        }
        for warning in budget.warnings { logger.warning("\(warning)") }
    }

    /// They stop in reverse order: first no more requests, then what the requests left behind.
    private func configuration(_ services: [any Service]) -> ServiceGroupConfiguration {
        ServiceGroupConfiguration(
            services: services.map {
                ServiceGroupConfiguration.ServiceConfiguration(
                    service: $0, successTerminationBehavior: .gracefullyShutdownGroup,
                    failureTerminationBehavior: .gracefullyShutdownGroup)
            }, logger: App.quiet(logger))
    }

    private func wait(because reason: String) {
        phase.withLock { if case .waiting = $0 { $0 = .waiting(because: reason) } }
    }
}
