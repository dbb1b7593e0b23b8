import Domain
import Metrics
import Redis
import Storage
import Streams

/// Turns completions into claims.
struct ClaimsHandler: EntryHandler {
    let claims: Claims
    let outbox: CompletionOutbox
    let changes: Changes
    private let counts = EventCounts([.questCompleted])
    private let stored = Counter(label: "quest_claims_total")

    init(claims: Claims, outbox: CompletionOutbox, changes: Changes) {
        self.claims = claims
        self.outbox = outbox
        self.changes = changes
    }

    let hands = 1

    func decode(_ entry: StreamEntry) throws(EntryError) -> Completion {
        let completion = try CompletionEntry.decode(entry)
        let derived = Completion.id(
            userID: completion.userID, questID: completion.questID, ordinal: completion.ordinal)
        guard completion.id == derived else {
            throw EntryError(field: "event_id", .invalid("the id of this person's completion"))
        }
        return completion
    }

    func apply(_ items: [Completion]) async throws -> Applied {
        var seen: Set<Identifier> = []
        let unique = items.filter { seen.insert($0.id).inserted }
        let new = try await claims.store(unique)
        stored.increment(by: new.count)
        var applied = Applied(known: new.count == items.count ? [] : repeated(in: items, new))
        applied.tidings.add(changes.announcement(of: .people(Array(Set(unique.map(\.userID))))))
        counts.count(repeatElement(.questCompleted, count: new.count), as: .recorded)
        counts.count(repeatElement(.questCompleted, count: applied.known.count), as: .duplicate)
        return applied
    }

    private func repeated(in items: [Completion], _ new: Inserted) -> Set<Int> {
        var met: Set<Identifier> = []
        return Set(items.indices.filter { !new.contains(items[$0].id) || !met.insert(items[$0].id).inserted })
    }

    func buried(_ items: [Completion]) {
        counts.count(items.lazy.map { _ in .questCompleted }, as: .deadLetter)
    }

    func id(of item: Completion) -> Identifier { item.id }

    func willBury(_ items: [Completion]) async throws {
        try await outbox.bury(items.map(\.id))
    }

    func willBury(unread entry: StreamEntry) async throws {
        guard let id = entry["event_id"].flatMap({ Identifier($0) }) else { return }
        try await outbox.bury([id])
    }

    /// Nothing to note: its outbox row stays until the claim exists, and the relay publishes it again. A retried letter's
    /// row is looked after too.
    func noteLost(_ ids: [StreamID], of stream: String) async throws {}
}
