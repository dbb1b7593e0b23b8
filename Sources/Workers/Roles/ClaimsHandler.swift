import Domain
import Metrics
import Storage
import Streams

/// Turns completions into claims.
struct ClaimsHandler: EntryHandler {
    let claims: Claims
    let outbox: CompletionOutbox
    let changes: Changes

    func decode(_ entry: StreamEntry) throws(EntryError) -> Completion {
        let completion = try CompletionEntry.decode(entry)
        let derived = Completion.id(
            userID: completion.userID, questID: completion.questID, ordinal: completion.ordinal)
        guard completion.id == derived else {
            throw EntryError(field: "event_id", .invalid("the id of this person's completion"))
        }
        return completion
    }

    func apply(_ items: [Completion]) async throws -> [Int: String] {
        var seen: Set<Identifier> = []
        let unique = items.filter { seen.insert($0.id).inserted }
        let stored = try await claims.store(unique)
        Counter(label: "quest_claims_total").increment(by: stored)
        try? await changes.announce(.people(Array(Set(unique.map(\.userID)))))
        return [:]
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
