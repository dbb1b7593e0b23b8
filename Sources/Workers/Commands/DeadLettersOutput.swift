import Domain
import FoundationEssentials
import Operations
import Redis
import Runtime
import Streams

/// Letters as a person reads them. What was in an entry can neither forge a line nor drive the terminal.
enum LetterText {
    /// More errors than this are not listed one by one.
    private static let mostErrors = 20

    static func line(_ letter: DeadLetter) -> String {
        ControlCharacters.escaped(
            "\(letter.id)  \(letter.source)  \(letter.failedAt?.description ?? "")  \(letter.error)")
    }

    static func whole(_ letter: DeadLetter) -> String {
        let lines = [
            "id: \(letter.id)", "error: \(letter.error)", "source: \(letter.source) \(letter.sourceID)",
            "deliveries: \(letter.deliveries)", "failed_at: \(letter.failedAt?.description ?? "unknown")", "fields:",
        ]
        return (lines + letter.textFields.map { "  \($0.name) = \($0.value)" })
            .map(ControlCharacters.escaped).joined(separator: "\n")
    }

    /// How many there are, by error.
    ///
    /// - Parameter error: what was asked for; other errors are left out.
    static func summary(_ counts: [(error: String, count: Int)], error: String?, shown: Int) -> String {
        let counts = counts.filter { count in error.map { count.error.contains($0) } ?? true }
        let total = counts.reduce(0) { $0 + $1.count }
        guard total > 0 else { return "No dead letters." }
        var lines = ["\(shown) of \(total) dead letters."]
        lines += counts.prefix(mostErrors).map { ControlCharacters.escaped("  \($0.count) × \($0.error)") }
        if counts.count > mostErrors { lines.append("  and \(counts.count - mostErrors) other errors") }
        return lines.joined(separator: "\n")
    }

    /// Tells what was done and what was not.
    ///
    /// - Throws: `Unsuccessful` unless everything was done.
    static func tell(_ outcome: DeadLetterDesk.Outcome, _ verb: String, asJSON: Bool) throws {
        if asJSON {
            try JSONOutput.print(OutcomeJSON(outcome))
        } else {
            for deed in outcome.done {
                let entry = deed.entry.map { " → \($0)" } ?? ""
                print(
                    ControlCharacters.escaped("\(deed.letter.id)  \(deed.letter.source)\(entry)  \(deed.letter.error)"))
            }
            print("\(verb) \(outcome.done.count).")
        }
        try tellFailures(of: outcome)
    }

    /// On standard error, so that what was done can be read by a program.
    ///
    /// - Throws: `Unsuccessful` if there are any.
    static func tellFailures(of outcome: DeadLetterDesk.Outcome) throws {
        for failure in outcome.failed {
            LineHandler.standardError(ControlCharacters.escaped("\(failure.id): \(failure.error)") + "\n")
        }
        if let interruption = outcome.interruption {
            LineHandler.standardError(
                ControlCharacters.escaped("no further letters were tried: \(interruption)") + "\n")
        }
        if !outcome.isComplete { throw Unsuccessful() }
    }
}

/// A letter for programs.
struct LetterJSON: Encodable {
    private let id: String
    private let source: String
    private let sourceID: String
    private let error: String
    private let deliveries: Int
    private let failedAt: String?
    private let fields: [String: String]

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
}

/// What became of letters, for programs.
struct OutcomeJSON: Encodable {
    private struct Done: Encodable {
        let id: String
        let source: String
        let error: String
        /// The new entry of a retried letter.
        let entryID: String?

        private enum CodingKeys: String, CodingKey {
            case id
            case source
            case error
            case entryID = "entry_id"
        }
    }

    private struct Failed: Encodable {
        let id: String
        let reason: String
    }

    private let done: [Done]
    private let failed: [Failed]
    /// Why no further letters were tried, or nil, which is written as null.
    private let interrupted: String?

    private enum CodingKeys: String, CodingKey {
        case done
        case failed
        case interrupted
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(done, forKey: .done)
        try container.encode(failed, forKey: .failed)
        try container.encode(interrupted, forKey: .interrupted)
    }

    init(_ outcome: DeadLetterDesk.Outcome) {
        done = outcome.done.map { deed in
            Done(
                id: deed.letter.id.description, source: deed.letter.source, error: deed.letter.error,
                entryID: deed.entry?.description)
        }
        failed = outcome.failed.map { Failed(id: $0.id.description, reason: $0.error.description) }
        interrupted = outcome.interruption?.description
    }
}

/// Values for programs, as the commands print them.
enum JSONOutput {
    static func print(_ value: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        Swift.print(String(decoding: try encoder.encode(value), as: UTF8.self))
    }
}
