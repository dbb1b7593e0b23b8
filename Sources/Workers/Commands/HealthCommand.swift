import ArgumentParser
import FoundationEssentials
import Runtime

/// Says whether the process on this machine's probe port is ready.
struct HealthCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "health",
        abstract: "Ask a front or a worker on this machine whether it is ready; exit 0, or 1 with the reasons why not.",
        discussion: """
            For the health checks of containers, where no other program speaks HTTP. It asks the probe port, which is \
            QUESTLINE_PROBE_PORT unless it is given.
            """)

    @Option(help: "The probe port.")
    var port: Int?

    @Flag(help: "Ask whether it lives (/livez) rather than whether it is ready (/readyz).")
    var live = false

    func run() async throws {
        await Launch.process {
            let setting = ProcessInfo.processInfo.environment["QUESTLINE_PROBE_PORT"].flatMap { Int($0) }
            guard let port = port ?? setting, (1...65_535).contains(port) else {
                throw UsageError("say which port: --port, or QUESTLINE_PROBE_PORT")
            }
            let answer = try await ProbeClient.get(live ? "/livez" : "/readyz", port: port)
            print(answer.text, terminator: "")
            if answer.status != 200 { throw Unsuccessful() }
        }
    }
}
