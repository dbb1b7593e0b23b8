import FoundationEssentials
import Logging
import Runtime

if CommandLine.arguments.dropFirst().contains(where: { $0 == "--help" || $0 == "-h" }) {
    print(FrontSettings.help)
} else {
    await Launch.process {
        let settings = try FrontSettings.read(ProcessInfo.processInfo.environment)
        Logs.start(settings.process)
        let registry = MetricsRegistry()
        registry.start()
        let logger = Logger(label: "questline.front")
        try await App.build(settings, registry: registry, logger: logger).run(logger: logger)
    }
}
