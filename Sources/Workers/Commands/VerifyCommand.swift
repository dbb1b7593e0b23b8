import ArgumentParser
import Operations
import Postgres
import Runtime
import Storage

/// Proves that progress, completions, claims and balances are what the events make them.
struct VerifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Recompute every progress row, completion, claim and balance from the events; exit 1 if any differs.",
        discussion: """
            Steps the rule one event at a time. May run beside live traffic: completions younger than a minute without \
            a claim are counted as on their way.
            """)

    func run() async throws {
        await Launch.process {
            let connections = try Connections.fromEnvironment()
            try await connections.waitForMigrations()
            let report = try await Verification(connections.postgres).run { print($0) }
            print(
                """
                \(report.people) people, \(report.events) events, \(report.completions) completions, \
                \(report.claims) claims, \(report.inFlight) on their way: \
                \(report.differences == 0 ? "no difference" : "\(report.differences) differences")
                """)
            connections.postgres.close()
            if report.differences > 0 { throw Unsuccessful() }
        }
    }
}
