import ArgumentParser
import Domain
import Postgres
import Runtime
import Storage

/// What Redis has lost, until somebody dismisses it.
struct LossesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "losses",
        abstract: "List what Redis has lost before it was recorded, or dismiss what has been looked into.",
        discussion: """
            A loss is one entry, by its id, or after a flush or a lost disk at most so many entries that were not \
            recorded when the stream was last seen. Fronts publish again what they still hold, so fewer may be missing. \
            `status` stays red until every loss is dismissed.
            """,
        subcommands: [List.self, Dismiss.self], defaultSubcommand: List.self)

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the losses, newest first.")

        @Option(help: "How many at most.")
        var limit = 1_000

        func validate() throws {
            guard limit > 0 else { throw ValidationError("--limit is a number from 1.") }
        }

        func run() async throws {
            await Launch.process {
                let connections = try Connections.fromEnvironment()
                let losses = Losses(connections.postgres)
                let found = try await losses.open(limit: limit)
                for loss in found { print("\(loss.id)  \(loss.detectedAt)  \(loss)") }
                let count = try await losses.count()
                print(count == 0 ? "No losses." : "\(found.count) of \(count) losses.")
                connections.postgres.close()
            }
        }
    }

    struct Dismiss: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Put losses out of sight; they stay in the table.")

        @Argument(help: "Numbers of losses.")
        var ids: [Int64] = []

        @Flag(help: "All losses.")
        var all = false

        func validate() throws {
            guard ids.isEmpty == all else { throw ValidationError("Name numbers of losses, or --all.") }
        }

        func run() async throws {
            await Launch.process {
                let connections = try Connections.fromEnvironment()
                let count = try await Losses(connections.postgres).dismiss(all ? nil : ids)
                print("Dismissed \(count).")
                connections.postgres.close()
                if !all && count < Int64(Set(ids).count) { throw Unsuccessful() }
            }
        }
    }
}
