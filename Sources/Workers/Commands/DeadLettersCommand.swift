import ArgumentParser
import Operations
import Runtime
import Storage
import Streams

/// Entries that could not be recorded.
struct DeadLettersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dead-letters",
        abstract: "Look at entries that could not be recorded, mend and retry them, or drop them.",
        subcommands: [List.self, Show.self, Retry.self, Drop.self], defaultSubcommand: List.self)

    /// Runs `body` with the letters of the configured Redis.
    static func run(_ body: (DeadLetterDesk) async throws -> Void) async -> Never {
        await Launch.process {
            let connections = try Connections.fromEnvironment()
            try await body(
                DeadLetterDesk(
                    connections.streams, postgres: connections.postgres, keys: connections.settings.keys))
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the letters, oldest first, and count them by error.")

        @Option(name: .customLong("error"), help: "Only letters whose error contains this text.")
        var error: String?

        @Option(help: "How many at most.")
        var limit = 100

        @Flag(help: "Print a JSON array of the letters.")
        var json = false

        func validate() throws {
            guard error != "" else { throw ValidationError("--error needs a text.") }
            guard limit > 0 else { throw ValidationError("--limit is a number from 1.") }
        }

        func run() async throws {
            await DeadLettersCommand.run { desk in
                let found = try await desk.list(error: error, limit: limit)
                if json {
                    try JSONOutput.print(found.map(LetterJSON.init))
                    return
                }
                for letter in found { print(LetterText.line(letter)) }
                print(LetterText.summary(try await desk.countsByError(), error: error, shown: found.count))
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show letters with their fields.")

        @OptionGroup var chosen: ChosenLetters

        @Flag(help: "Print a JSON array of the letters.")
        var json = false

        func run() async throws {
            let choice = chosen.choice
            await DeadLettersCommand.run { desk in
                let outcome = await desk.look(choice)
                if json {
                    try JSONOutput.print(outcome.done.map { LetterJSON($0.letter) })
                } else {
                    print(outcome.done.map { LetterText.whole($0.letter) }.joined(separator: "\n\n"))
                }
                try LetterText.tellFailures(of: outcome)
            }
        }
    }

    struct Retry: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Put letters back into their streams.",
            discussion: "One that is still bad comes back as a new letter.")

        @OptionGroup var chosen: ChosenLetters

        @Option(
            name: .customLong("set"), help: "field=value to mend before the retry; may be repeated.",
            transform: Correction.init)
        var corrections: [Correction] = []

        @Flag(
            help:
                "Print a JSON object: done, with the new entries, failed, and interrupted, null or why it ended early.")
        var json = false

        func validate() throws {
            // All but one would be taken for repetitions of that one.
            guard chosen.isOne || !corrections.contains(where: { $0.name == "event_id" }) else {
                throw ValidationError("An event_id can be set in one letter at a time: name its id.")
            }
        }

        func run() async throws {
            let (choice, corrections) = (chosen.choice, corrections.map { (name: $0.name, value: $0.value) })
            await DeadLettersCommand.run { desk in
                try LetterText.tell(
                    await desk.retry(choice, set: corrections, by: .commandLine), "Retried", asJSON: json)
            }
        }
    }

    struct Drop: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Remove letters for good.")

        @OptionGroup var chosen: ChosenLetters

        @Flag(help: "Print a JSON object: done, failed, and interrupted, null or why it ended early.")
        var json = false

        func run() async throws {
            let choice = chosen.choice
            await DeadLettersCommand.run { desk in
                try LetterText.tell(await desk.drop(choice, by: .commandLine), "Dropped", asJSON: json)
            }
        }
    }
}

/// A field to mend before a retry.
struct Correction: Sendable {
    let name: String
    let value: String

    /// From `field=value`; the value may be empty and may hold further signs.
    init(_ text: String) throws {
        guard let sign = text.firstIndex(of: "="), sign != text.startIndex else {
            throw ValidationError("'\(ControlCharacters.escaped(text))' is not field=value")
        }
        name = String(text[..<sign])
        value = String(text[text.index(after: sign)...])
    }
}

/// Which letters a command is about: named ones, those with an error, or all.
struct ChosenLetters: ParsableArguments {
    @Argument(help: "Ids of letters.", transform: ChosenLetters.id)
    var ids: [StreamID] = []

    @Option(name: .customLong("error"), help: "All letters whose error contains this text.")
    var error: String?

    @Flag(help: "All letters.")
    var all = false

    /// Whether exactly one letter is named by its id.
    var isOne: Bool { Set(ids).count == 1 }

    func validate() throws {
        guard [!ids.isEmpty, error != nil, all].count(where: { $0 }) == 1, error != "" else {
            throw ValidationError("Name ids of letters, or --error with a text, or --all.")
        }
    }

    /// What was chosen, once it is valid.
    var choice: DeadLetterDesk.Choice {
        if all { return .all }
        return error.map { .error($0) } ?? .ids(ids)
    }

    private static func id(_ text: String) throws -> StreamID {
        guard let id = StreamID(text) else {
            throw ValidationError(
                "'\(ControlCharacters.escaped(text))' is not the id of a letter, as in 1700000000000-0")
        }
        return id
    }
}
