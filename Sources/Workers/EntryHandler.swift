import Domain
import Postgres
import Redis
import Streams

/// What a role does with the entries of its stream.
protocol EntryHandler: Sendable {
    associatedtype Item: Sendable

    /// How many batches are processed at the same time; of very small ones sixteen times as many.
    var hands: Int { get }

    func decode(_ entry: StreamEntry) throws(EntryError) -> Item

    /// All of a batch. There is one way only; it stands here so that each handler has code of its own for it.
    func decode(_ deliveries: [Delivery]) -> DecodedBatch<Item>

    /// Applies all items in one transaction, harmlessly for those applied before.
    ///
    /// - Throws: `PostgresError`, `CatalogUnusable`: nothing was applied as far as is known.
    func apply(_ items: [Item]) async throws -> Applied

    /// The key under which an item's row is inserted, in whose order the database takes the rows of a batch.
    func id(of item: Item) -> Identifier

    /// These items are about to become dead letters: what would publish them again must not, until their letters are
    /// dealt with.
    ///
    /// - Throws: `PostgresError`.
    func willBury(_ items: [Item]) async throws

    /// These items are dead letters now: to be counted.
    func buried(_ items: [Item])

    /// As `willBury`, for an entry that is not to be decoded any more: only its ids are looked at.
    ///
    /// - Throws: `PostgresError`.
    func willBury(unread entry: StreamEntry) async throws

    /// Writes down that these entries are gone before they were applied. Doing it twice changes nothing.
    ///
    /// - Throws: `PostgresError`.
    func noteLost(_ ids: [StreamID], of stream: String) async throws
}

extension EntryHandler {
    func decode(_ deliveries: [Delivery]) -> DecodedBatch<Item> {
        DecodedBatch(deliveries, decode: decode)
    }

    /// Whom the database's explanation of a refusal names, as in `Failing row contains (<id>, …)`: a hint where to look
    /// first, nothing more. Whoever it names is still tried alone.
    func suspicion(_ error: PostgresError, among items: [Item?], at places: [Int]) -> BatchMachine.Suspicion? {
        guard let detail = error.detail, let start = detail.firstIndex(of: "("),
            let named = Identifier(String(detail[start...].dropFirst().prefix(36)))
        else { return nil }
        var suspect: Int?
        var before: Set<Int> = []
        for place in places {
            guard let item = items[place] else { continue }
            let id = id(of: item)
            if id == named { suspect = place } else if id < named { before.insert(place) }
        }
        return suspect.map { BatchMachine.Suspicion(item: $0, before: before) }
    }
}

/// What became of items.
struct Applied: Sendable {
    /// Those that went nowhere and never will, by their index, with the reason.
    var refused: [Int: String] = [:]
    /// Those that had been applied before, by their index: nothing has changed by them.
    var known: Set<Int> = []
    /// What others are to be told of it before the entries are acknowledged. It may be lost: whoever has to know learns of
    /// it in another way too.
    var tidings: RedisPipeline = []
    /// When the transaction was seen to be committed.
    let at = Timestamp.now
}

/// The quests cannot be known now: wait, for "no quests" would be a wrong answer.
enum CatalogUnusable: Error, CustomStringConvertible {
    /// Nobody has seeded one.
    case missing
    /// It changed again and again while a batch was tried.
    case changing

    var description: String {
        switch self {
        case .missing: "there is no catalog yet: run questline-worker migrate"
        case .changing: "the catalog changes faster than a batch can be recorded"
        }
    }
}
