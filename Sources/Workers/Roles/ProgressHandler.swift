import Catalog
import Domain
import Logging
import Metrics
import Postgres
import Redis
import Storage
import Streams
import Synchronization

/// Records sign-ins, advances progress and tells of completions.
final class ProgressHandler: EntryHandler {
    /// How often a batch is tried again because the catalog changed under it, before it waits like in an outage.
    private static let revisionTries = 10

    private let events: EventStore
    private let outbox: SignInOutbox
    private let losses: Losses
    private let books: QuestBooks
    private let producer: Producer
    private let changes: Changes
    private let logger: Logger
    private let book = Mutex<QuestBook?>(nil)
    private let counts = EventCounts([.firstSignIn, .signIn])
    private let completed = Counter(label: "quest_completions_total")

    init(
        events: EventStore, outbox: SignInOutbox, losses: Losses, books: QuestBooks, producer: Producer,
        changes: Changes, logger: Logger
    ) {
        self.events = events
        self.outbox = outbox
        self.losses = losses
        self.books = books
        self.producer = producer
        self.changes = changes
        self.logger = logger
    }

    let hands = 2

    func decode(_ entry: StreamEntry) throws(EntryError) -> SignInEvent {
        try SignInEntry.decode(entry)
    }

    func apply(_ items: [SignInEvent]) async throws -> Applied {
        var seen: Set<Identifier> = []
        seen.reserveCapacity(items.count)
        let unique = items.filter { seen.insert($0.id).inserted }
        let recorded = try await record(unique)
        var applied = try await outcome(of: items, recorded)
        if logger.logLevel <= .debug { for event in unique { logger.debug("applied", metadata: event.metadata) } }
        completed.increment(by: recorded.completions.count)
        if let publication = await publication(of: recorded.completions) { applied.tidings.add(publication) }
        applied.tidings.add(changes.announcement(of: .people(Array(Set(unique.map(\.userID))))))
        return applied
    }

    /// Which items were new, and counts them.
    private func outcome(of items: [SignInEvent], _ recorded: RecordedBatch) async throws -> Applied {
        guard recorded.inserted < items.count else {
            counts.count(items.lazy.map(\.type), as: .recorded)
            return Applied()
        }
        let refused = try await conflicts(among: items)
        var met: Set<Identifier> = []
        let known = items.indices.filter { place in
            let isNew = recorded.new.contains(items[place].id) && met.insert(items[place].id).inserted
            return !isNew && refused[place] == nil
        }
        let applied = Applied(refused: refused, known: Set(known))
        let new = items.indices.lazy.filter { refused[$0] == nil && !applied.known.contains($0) }
        counts.count(new.map { items[$0].type }, as: .recorded)
        counts.count(known.lazy.map { items[$0].type }, as: .duplicate)
        return applied
    }

    func buried(_ items: [SignInEvent]) {
        counts.count(items.lazy.map(\.type), as: .deadLetter)
    }

    func id(of item: SignInEvent) -> Identifier { item.id }

    func willBury(_ items: [SignInEvent]) async throws {
        try await outbox.bury(items.map { (id: $0.id, userID: $0.userID, type: $0.type.name) })
    }

    func willBury(unread entry: StreamEntry) async throws {
        guard let id = entry["event_id"].flatMap({ Identifier($0) }), let type = entry["type"],
            let userID = entry["user_id"].flatMap({ Identifier($0) })
        else { return }
        try await outbox.bury([(id: id, userID: userID, type: type)])
    }

    func noteLost(_ ids: [StreamID], of stream: String) async throws {
        try await losses.note(ids.map(\.description), of: stream)
    }

    private func record(_ events: [SignInEvent]) async throws -> RecordedBatch {
        for _ in 0..<ProgressHandler.revisionTries {
            let book = try await currentBook()
            do {
                return try await self.events.record(events, under: book)
            } catch let error as PostgresError where error.sqlState == EventStore.staleCatalog {
                self.book.withLock { $0 = nil }
            }
        }
        throw CatalogUnusable.changing
    }

    private func currentBook() async throws -> QuestBook {
        if let book = book.withLock({ $0 }) { return book }
        guard let loaded = try await books.current() else { throw CatalogUnusable.missing }
        book.withLock { $0 = loaded }
        counts.learn(loaded.pages.compactMap { EventType($0.quest.eventType) })
        return loaded
    }

    private func conflicts(among items: [SignInEvent]) async throws -> [Int: String] {
        let conflicting = try await events.conflicts(among: items)
        guard !conflicting.isEmpty else { return [:] }
        let set = Set(conflicting)
        return Dictionary(
            uniqueKeysWithValues: items.indices.filter { set.contains(items[$0]) }.map { ($0, "event-id-conflict") })
    }

    /// What goes along with the acknowledgement; more than that is published now. Both come after the commit, and what does
    /// not get through waits in the outbox and is published again by the relay.
    private func publication(of completions: [Completion]) async -> RedisTransaction? {
        let rest = completions.suffix(Producer.batchLimit)
        if rest.count < completions.count { try? await producer.publish(completions.dropLast(rest.count)) }
        return rest.isEmpty ? nil : producer.publication(of: rest)
    }
}

extension SignInEvent {
    /// Tells the event, its trace and the request that brought it.
    fileprivate var metadata: Logger.Metadata {
        var metadata: Logger.Metadata = [
            "event_id": "\(id)", "type": "\(type.name)", "user_id": "\(userID)",
        ]
        if let trace = origin.traceID { metadata["trace_id"] = "\(trace)" }
        if let request = origin.requestID { metadata["request_id"] = "\(request)" }
        return metadata
    }
}
