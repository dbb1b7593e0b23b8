import ArgumentParser
import Catalog
import Logging
import Postgres
import Redis
import Runtime
import ServiceLifecycle
import Storage
import Streams

/// Runs the loops until told to stop.
struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Work until stopped (SIGTERM or Ctrl-C finishes the batch in hand).")

    @Option(help: "Which loops to run: progress, claims, relay, janitor, separated by commas. All by default.")
    var roles: String?

    func run() async throws {
        await Launch.process {
            var environment = Launch.environment
            if let roles { environment["QUESTLINE_WORKER_ROLES"] = roles }
            let connections = try Connections.fromEnvironment(environment, stays: true)
            let registry = MetricsRegistry()
            registry.start()
            Build.show(program: "questline-worker", schema: Migrator.requiredVersion)
            let pool = PoolMeter(pool: "main")
            registry.beforeExposition { [postgres = connections.postgres] in
                pool.show(postgres.poolCounts, limit: postgres.poolSize)
            }
            try await Launch.run(
                [WorkerProcess(connections: connections, registry: registry)], logger: connections.logger)
        }
    }
}

/// The probes at once, the loops as soon as the database is ready for them.
private struct WorkerProcess: Service {
    let connections: Connections
    let registry: MetricsRegistry

    func run() async throws {
        try await withThrowingTaskGroup(of: Bool.self) { group in
            let probes = ProbeServer(
                connections.settings.process, registry: registry, logger: connections.logger,
                readiness: { await connections.readiness() })
            group.addTask {
                try await probes.run()
                return false
            }
            group.addTask {
                try await work()
                return true
            }
            // The probes end at once when the process is to stop; the work finishes its batch first.
            while let isWork = try await group.next(), !isWork {}
            group.cancelAll()
        }
        connections.postgres.close()
        await connections.streams.close()
        await connections.cache.close()
    }

    private func work() async throws {
        do {
            try await connections.waitForMigrations()
            try await connections.requireConnections()
            try await connections.requireDurability()
        } catch is CancellationError {
            return
        }
        let services = WorkerAssembly(connections).services
        connections.logger.info(
            "working",
            metadata: ["roles": "\(connections.settings.roles.map(\.rawValue).sorted().joined(separator: ","))"])
        try await withThrowingTaskGroup(of: Void.self) { group in
            for service in services { group.addTask { try await service.run() } }
            try await group.waitForAll()
        }
    }
}
