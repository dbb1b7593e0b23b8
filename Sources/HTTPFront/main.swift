import FoundationEssentials
import Logging
import Runtime

switch CommandLine.arguments.dropFirst().first {
case nil:
    await Launch.process {
        let settings = try FrontSettings.read(ProcessInfo.processInfo.environment)
        Logs.start(settings.process)
        let registry = MetricsRegistry()
        registry.start()
        let logger = Logger(label: "questline.front")
        try await App.build(settings, registry: registry, logger: logger).run(logger: logger)
    }
case "--help", "-h": print(FrontSettings.help)
case .some: await Launch.process { throw UsageError("questline-front takes no arguments; see --help") }
}
