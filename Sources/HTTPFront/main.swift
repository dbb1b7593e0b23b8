import FoundationEssentials
import Logging
import Runtime
import Storage

switch CommandLine.arguments.dropFirst().first {
case nil:
    await Launch.process {
        let settings = try FrontSettings.read(ProcessInfo.processInfo.environment)
        Logs.start(settings.process)
        let registry = MetricsRegistry()
        registry.start()
        Build.show(program: "questline-front", schema: Migrator.requiredVersion)
        let logger = Logger(label: "questline.front")
        let front = FrontProcess(settings, logger: logger)
        registry.beforeExposition { front.showPools() }
        let probes = ProbeServer(settings.process, registry: registry, logger: logger) { front.readiness }
        // They stop in reverse order.
        try await Launch.run([probes, front], draining: settings.drain, logger: logger)
    }
case "--help", "-h": print(FrontSettings.help)
case .some: await Launch.process { throw UsageError("questline-front takes no arguments; see --help") }
}
