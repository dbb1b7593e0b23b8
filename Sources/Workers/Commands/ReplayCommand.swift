import ArgumentParser
import Domain
import Operations
import Postgres
import Runtime
import Storage

/// Rebuilds progress from the events.
struct ReplayCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Rebuild progress and completions from the events; show what differs, and with --apply mend it.",
        discussion: """
            Steps the rule over the event table, as verify does, and prints each difference: person, quest, what the table \
            says → what follows from the events. Without --apply nothing is changed. Exit 0 only if no difference is left.

            With --apply each differing person is folded again in one transaction under that person's row locks, which is \
            right beside running workers: a batch in flight is either seen or folds on top. A missing completion is \
            recorded and put into the outbox, from where the relay publishes it and a claim is made; one on record that \
            neither outbox nor claim knows is put back there. Somebody who misses more than 20,000 completions is folded in \
            several transactions. Each reads all of that person's events: of somebody with hundreds of thousands, the \
            workers' batches with that person wait for seconds at a time.

            Events are never changed, and nothing given is taken back: a completion or a claim that the events do not \
            explain is named and stays, as does its number in the progress row, so that the next completion gets an id \
            of its own. The ledger and the balances are not touched; verify compares them.
            """)

    @Flag(help: "Write what follows from the events.")
    var apply = false

    @Option(
        help: ArgumentHelp("Only this person.", valueName: "uuid"),
        transform: { text in
            guard let id = Identifier(text) else { throw ValidationError("'\(text)' is not a UUID") }
            return id
        })
    var person: Identifier?

    func run() async throws {
        await Launch.process {
            let connections = try Connections.fromEnvironment()
            try await NotMigrated.check(connections.postgres)
            let postgres = connections.patientReads()
            let report = try await Replay(postgres).run(
                of: person, applying: apply, found: { print($0.change) }, remaining: { print("still: \($0)") })
            print(ReplayCommand.summary(report, isApplied: apply))
            postgres.close()
            connections.postgres.close()
            if report.remaining > 0 { throw Unsuccessful() }
        }
    }

    private static func summary(_ report: ReplayReport, isApplied: Bool) -> String {
        let found = "\(report.people) people, \(report.differing) of them with \(report.differences) differences"
        guard report.differences > 0 else { return "\(report.people) people: no difference" }
        guard isApplied else { return "\(found): nothing was changed, --apply rebuilds them" }
        return "\(found): rebuilt, \(report.emitted) completions emitted, \(report.remaining) differences remain"
    }
}
