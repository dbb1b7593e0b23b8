import Domain
import Redis

/// An entry that was given up, with all of its bytes, and why.
public struct DeadLetter: Sendable {
    /// The five fields that follow the original ones, in this order.
    static let addedNames: [StaticString] = ["source", "source_id", "error", "deliveries", "failed_at"]

    /// Its id among the dead letters.
    public let id: StreamID
    /// The stream it came from.
    public let source: String
    /// Its id there.
    public let sourceID: String
    public let error: String
    public let deliveries: Int
    /// Nil if somebody else wrote the letter and gave no such time.
    public let failedAt: Timestamp?
    private let entry: StreamEntry

    /// A letter that does not end with the five fields (somebody else wrote it) is shown with what it has.
    init(_ entry: StreamEntry) {
        let added = DeadLetter.addedNames
        let first = entry.fieldCount - added.count
        let isComplete =
            first >= 0 && added.indices.allSatisfy { entry.name(at: first + $0)?.equals(added[$0]) == true }
        func text(_ index: Int) -> String {
            isComplete ? entry.value(at: first + index)?.string ?? "" : entry[added[index]] ?? ""
        }
        self.entry = entry
        originalCount = isComplete ? first : entry.fieldCount
        id = entry.id
        source = text(0)
        sourceID = text(1)
        error = text(2)
        deliveries = Int(text(3)) ?? 0
        failedAt = Timestamp(rfc3339: text(4))
    }

    private let originalCount: Int

    /// The id of the event that it was, if it can be read.
    public var eventID: Identifier? { entry["event_id"].flatMap { Identifier($0) } }

    /// The sign-in that it was, if it can be read.
    public var signIn: SignInEvent? { try? SignInEntry.decode(entry) }

    /// The original entry's fields as they were.
    public var rawFields: [(name: [UInt8], value: [UInt8])] { Array(entry.rawFields.prefix(originalCount)) }

    /// The original entry's fields for people; bytes that are not UTF-8 become U+FFFD.
    public var textFields: [(name: String, value: String)] { Array(entry.textFields.prefix(originalCount)) }
}

/// Why nothing was done with a letter.
public enum DeadLetterError: Error, Equatable, Sendable {
    /// There is no such letter, or somebody else retried or dropped it meanwhile.
    case notFound
    /// Its source is none of the streams that are read here.
    case unknownSource(String)
    case redis(RedisError)
    /// The outbox could not be told; the letter is as it was.
    case outbox(String)
}

extension DeadLetterError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .notFound: "there is no such letter; somebody may have dealt with it"
        case .unknownSource(let source): "nobody here reads the stream it came from, \(source)"
        case .redis(let error): error.description
        case .outbox(let reason): "the outbox could not be told: \(reason)"
        }
    }
}
