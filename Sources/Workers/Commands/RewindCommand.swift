import ArgumentParser
import Domain
import Postgres
import Redis
import Runtime
import Storage
import Streams

/// Has entries delivered again.
struct RewindCommand: AsyncParsableCommand {
    enum Group: String, CaseIterable, ExpressibleByArgument {
        case progress
        case claims
    }

    static let configuration = CommandConfiguration(
        commandName: "rewind",
        abstract: "Set a consumer group back in time: entries from then on are delivered again, which is harmless.",
        discussion: """
            What was recorded before is known by its event_id and counts nothing a second time, so too early a TIME costs \
            only time. Workers may run meanwhile. The group is only ever moved back, never forward, and its lag stays known.

            This is how a restored database gets back what came after its backup:

              1. stop the workers (or cut them off), restore the dump in the place of the database
              2. questline-worker rewind --since TIME, with a TIME before the dump began, earlier by the longest time that \
            an event then waited to be recorded
              3. start the workers
              4. questline-worker verify --wait

            Only what the streams hold comes back: the sign-ins, and with them progress, completions and claims. What was \
            written to Postgres alone since the dump (accounts, changes of the catalog, claims made by hand, money spent) \
            does not, nor do sign-ins that only ever stood in the outbox. So backups should follow one another within \
            QUESTLINE_RETENTION_MINUTES, for which the streams keep what is done with.

            It refuses (exit 1), and says why, when entries since TIME were trimmed or deleted, naming the earliest time \
            from which on all are there; when TIME is in the future; and when the group has not come as far as TIME yet. \
            What a stream held before it was flushed or lost, it does not know of.
            """)

    @Option(
        help: ArgumentHelp(
            "An RFC 3339 time, or how long ago by the clock of the streams server: 90s, 30m, 2h, 1d.",
            valueName: "time"),
        transform: { text in
            guard let time = RewindTime(text) else {
                throw ValidationError(
                    "'\(text)' is neither a time (2026-11-23T08:30:00Z) nor a duration (90s, 30m, 2h, 1d)")
            }
            return time
        })
    var since: RewindTime

    @Option(help: "Which group: progress (the sign-ins) or claims (the completions).")
    var group = Group.progress

    @Flag(help: "Also when some entries since then are not in the stream any more: deliver what is left.")
    var allowGap = false

    func run() async throws {
        await Launch.process {
            let connections = try Connections.fromEnvironment()
            let keys = connections.settings.keys
            let (stream, name) =
                switch group {
                case .progress: (keys.signIns, StreamKeys.progressGroup)
                case .claims: (keys.completions, StreamKeys.claimsGroup)
                }
            // An intent: the row is there before the group is moved in Redis, or refused to be.
            try await AuditLog(connections.postgres).write(
                AuditEntry(
                    .commandLine, "stream.rewind", subject: "\(stream) \(name)",
                    details: ["since": .text(RewindCommand.text(since)), "allow_gap": .flag(allowGap)]))
            let outcome = try await Rewind(connections.streams, stream: stream, group: name)
                .run(since: since, allowingGap: allowGap)
            print(RewindCommand.text(outcome, stream: stream, group: name))
            await connections.streams.close()
            connections.postgres.close()
        }
    }

    private static func text(_ since: RewindTime) -> String {
        switch since {
        case .at(let time): "\(time)"
        case .ago(let milliseconds): "\(milliseconds / 1_000) s ago"
        }
    }

    private static func text(_ outcome: Rewind.Outcome, stream: String, group: String) -> String {
        let held = outcome.first.map { "the stream holds entries from \($0) on" } ?? "the stream is empty"
        if outcome.madeGroup {
            return
                "\(stream) → \(group): there was no such group; it was made and is given all \(outcome.waiting) entries (\(held))"
        }
        return """
            \(stream) → \(group): set back to \(outcome.since), \(outcome.again) entries are delivered again, \
            \(outcome.waiting) were still to be delivered (\(held))
            """
    }
}
