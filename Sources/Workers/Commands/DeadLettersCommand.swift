import ArgumentParser
import Domain
import FoundationEssentials
import Runtime
import Streams

/// Entries that could not be recorded.
struct DeadLettersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dead-letters",
        abstract: "Look at entries that could not be recorded, mend and retry them, or drop them.",
        subcommands: [List.self, Show.self, Retry.self, Drop.self], defaultSubcommand: List.self)

    /// Runs `body` with the letters of the configured Redis.
    static func run(_ body: (DeadLetters) async throws -> Void) async -> Never {
        await Launch.process {
            let connections = try Connections.fromEnvironment()
            try await body(DeadLetters(connections.streams, keys: connections.settings.keys))
        }
    }

    static func id(_ text: String) throws -> StreamID {
        guard let id = StreamID(text) else {
            throw ValidationError("'\(text)' is not the id of a letter, as in 1700000000000-0")
        }
        return id
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the letters, oldest first.")

        @Option(help: "How many at most.")
        var limit = 100

        @Flag(help: "Print a JSON array.")
        var json = false

        func run() async throws {
            await DeadLettersCommand.run { letters in
                let found = try await letters.list(limit: max(1, limit))
                if json {
                    try LetterJSON.print(found.map(LetterJSON.init))
                    return
                }
                for letter in found {
                    print("\(letter.id)  \(letter.source)  \(letter.failedAt?.description ?? "")  \(letter.error)")
                }
                let count = try await letters.count()
                print(count == 0 ? "No dead letters." : "\(found.count) of \(count) dead letters.")
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show one letter with its fields.")

        @Argument(help: "The letter's id.")
        var id: String

        @Flag(help: "Print a JSON object.")
        var json = false

        func run() async throws {
            let id = try DeadLettersCommand.id(id)
            await DeadLettersCommand.run { letters in
                guard let letter = try await letters.get(id) else { throw DeadLetters.RetryError.notFound }
                if json {
                    try LetterJSON.print(LetterJSON(letter))
                    return
                }
                print(
                    "error: \(letter.error)\nsource: \(letter.source) \(letter.sourceID)\ndeliveries: \(letter.deliveries)"
                )
                print("failed_at: \(letter.failedAt?.description ?? "unknown")\nfields:")
                for field in letter.textFields { print("  \(field.name) = \(field.value)") }
            }
        }
    }

    struct Retry: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Put letters back into their streams.")

        @Argument(help: "Ids of letters.")
        var ids: [String] = []

        @Flag(help: "All letters.")
        var all = false

        @Option(name: .customLong("set"), help: "field=value to mend before the retry; may be repeated.")
        var corrections: [String] = []

        func run() async throws {
            let corrections = try corrections.map(Retry.correction)
            let chosen = try Choice(ids: ids, all: all)
            await DeadLettersCommand.run { letters in
                let done = try await chosen.each(letters) { _ = try await letters.retry($0, set: corrections) }
                print("Retried \(done).")
            }
        }

        private static func correction(_ text: String) throws -> (name: String, value: String) {
            guard let sign = text.firstIndex(of: "="), sign != text.startIndex else {
                throw ValidationError("'\(text)' is not field=value")
            }
            return (name: String(text[..<sign]), value: String(text[text.index(after: sign)...]))
        }
    }

    struct Drop: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Remove letters for good.")

        @Argument(help: "Ids of letters.")
        var ids: [String] = []

        @Flag(help: "All letters.")
        var all = false

        func run() async throws {
            let chosen = try Choice(ids: ids, all: all)
            await DeadLettersCommand.run { letters in
                let done = try await chosen.each(letters) { _ = try await letters.drop($0) }
                print("Dropped \(done).")
            }
        }
    }
}

/// Which letters a command is about.
private struct Choice {
    let ids: [StreamID]

    init(ids: [String], all: Bool) throws {
        guard ids.isEmpty == all else { throw ValidationError("Name ids of letters, or --all.") }
        self.ids = try ids.map(DeadLettersCommand.id)
    }

    /// Calls `body` for each letter that was there at the beginning.
    ///
    /// - Returns: how many.
    func each(_ letters: DeadLetters, _ body: (StreamID) async throws -> Void) async throws -> Int {
        guard ids.isEmpty else {
            for id in ids { try await body(id) }
            return ids.count
        }
        // Letters that come back meanwhile are not retried again by the same command.
        var left = try await letters.count()
        var cursor: StreamID?
        var count = 0
        while left > 0 {
            let page = try await letters.list(after: cursor, limit: min(left, 100))
            guard let end = page.last else { break }
            for letter in page { try await body(letter.id) }
            count += page.count
            left -= page.count
            cursor = end.id
        }
        return count
    }
}

/// A letter for machines.
private struct LetterJSON: Encodable {
    let id: String
    let source: String
    let sourceID: String
    let error: String
    let deliveries: Int
    let failedAt: String?
    let fields: [String: String]

    private enum CodingKeys: String, CodingKey {
        case id
        case source
        case sourceID = "source_id"
        case error
        case deliveries
        case failedAt = "failed_at"
        case fields
    }

    init(_ letter: DeadLetter) {
        id = letter.id.description
        source = letter.source
        sourceID = letter.sourceID
        error = letter.error
        deliveries = letter.deliveries
        failedAt = letter.failedAt?.description
        fields = Dictionary(letter.textFields.map { ($0.name, $0.value) }) { first, _ in first }
    }

    static func print(_ value: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        Swift.print(String(decoding: try encoder.encode(value), as: UTF8.self))
    }
}
