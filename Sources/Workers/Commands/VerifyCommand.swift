import ArgumentParser
import Operations
import Postgres
import Redis
import Runtime
import Storage

/// Proves that progress, completions, claims and balances are what the events make them.
struct VerifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Recompute every progress row, completion, claim and balance from the events; exit 1 if any differs.",
        discussion: """
            Steps the rule one event at a time and prints each difference with the person, the quest, what the table says \
            and what follows from the events. Exit 0 only if there is none.

            May run beside live traffic: people are read in pages, each from one snapshot of the database. Completions \
            younger than a minute without a claim are on their way, not differences. Memory does not grow with the number \
            of people, and hardly with what one person did: a page has at most 20,000 rows of a table, and of somebody with \
            more than that, events and ledger come as sums, and completions, claims and credits in slices of that size \
            (beside 24 bytes for each of up to a million completions).

            With --wait it first waits until all that is in the streams and outboxes now is done with, however much comes \
            behind it. It says on standard error what it waits for: a server that is away and a missing migration too. \
            Workers must be running. Without --wait it fails at once when it cannot read.
            """)

    @Flag(help: "Wait first until what is in the streams and outboxes now is done with.")
    var wait = false

    @Option(
        help: ArgumentHelp(
            "How long to wait at most, in seconds; then say what still waits and exit 1.", valueName: "seconds"))
    var timeout = 300

    func validate() throws {
        guard (0...1_000_000).contains(timeout) else { throw ValidationError("--timeout is from 0 to 1000000 seconds") }
    }

    func run() async throws {
        await Launch.process {
            let connections = try Connections.fromEnvironment()
            if wait {
                let drain = Drain(
                    postgres: connections.postgres, streams: connections.streams, keys: connections.settings.keys)
                let rest = try await drain.run(within: .seconds(timeout)) {
                    LineHandler.standardError("waiting: \($0)\n")
                }
                if let rest {
                    LineHandler.standardError("not done within \(timeout) s: \(rest)\n")
                    throw Unsuccessful()
                }
            }
            try await NotMigrated.check(connections.postgres)
            let reads = connections.patientReads()
            let report = try await Verification(reads).run { print($0) }
            print(
                """
                \(report.people) people, \(report.events) events, \(report.completions) completions, \
                \(report.claims) claims, \(report.inFlight) on their way: \
                \(report.differences == 0 ? "no difference" : "\(report.differences) differences")
                """)
            reads.close()
            connections.postgres.close()
            if report.differences > 0 { throw Unsuccessful() }
        }
    }
}

extension Connections {
    /// A client for statements that go through much of a table, which may take longer than a worker ever waits.
    func patientReads() -> PostgresClient {
        var configuration = settings.database
        configuration.statementTimeout = .seconds(300)
        return PostgresClient(configuration, poolSize: 2)
    }
}
