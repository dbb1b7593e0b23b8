import Domain
import Postgres
import TestSupport
import Testing

@testable import Storage

@Suite("Store conformance: batches")
struct StoreConformanceBatchTests {
    private func crowd(_ people: Int, _ events: Int, _ random: inout SeededGenerator) -> [SignInEvent] {
        let ids = (0..<people).map { _ in Identifier.random() }
        return (0..<events).map { _ in Sample.signIn(ids[Int.random(in: 0..<people, using: &random)]) }
    }

    @Test("A batch applied twice changes nothing, not even the version of a row")
    func twice() async throws {
        try await TestDatabase.with { database in
            var random = SeededGenerator(seed: 1)
            let book = try await Sample.book(database.client)
            let store = EventStore(database.client)
            let events = crowd(20, 150, &random)
            let first = try await store.record(events, under: book)
            #expect(first.inserted == 150)
            let before = try await StoreConformance.fingerprint(database.client)
            for batch in [events, events.shuffled(using: &random), Array(events.prefix(7))] {
                let again = try await store.record(batch, under: book)
                #expect(again.inserted == 0 && again.completions.isEmpty)
            }
            #expect(try await StoreConformance.fingerprint(database.client) == before)
        }
    }

    @Test("A batch under quests of another revision or edition is refused and changes nothing")
    func stale() async throws {
        try await TestDatabase.with { database in
            let store = EventStore(database.client)
            let book = try await Sample.book(database.client)
            let person = Identifier.random()
            _ = try await store.record([Sample.signIn(person)], under: book)
            let before = try await StoreConformance.fingerprint(database.client)
            let others = [
                QuestBook(revision: book.revision - 1, edition: book.edition, pages: book.pages),
                QuestBook(revision: book.revision, edition: .random(), pages: book.pages),
            ]
            for other in others {
                await #expect {
                    _ = try await store.record([Sample.signIn(person)], under: other)
                } throws: {
                    ($0 as? PostgresError)?.sqlState == EventStore.staleCatalog
                }
            }
            #expect(try await StoreConformance.fingerprint(database.client) == before)
        }
    }

    @Test(
        "Overlapping batches at once count each event once, as the rule counts them",
        arguments: [11, 12, 13] as [UInt64])
    func overlaps(seed: UInt64) async throws {
        try await TestDatabase.with { database in
            var random = SeededGenerator(seed: seed)
            // A limit that nobody reaches: every event that counts, and every one that counts twice, shows.
            _ = try await database.client.query("UPDATE catalog.quests SET duplication = 1000000")
            let book = try await Sample.book(database.client)
            let events = crowd(Int.random(in: 3...40, using: &random), 400, &random)
            // Every event is in some batch, most are in several, in any order.
            var batches = (0..<24).map { _ in
                Array(events.shuffled(using: &random).prefix(Int.random(in: 1...120, using: &random)))
            }
            batches += [Array(events.prefix(200)), Array(events.suffix(200).reversed())]
            let work = Shared(batches.shuffled(using: &random))
            let results = try await withThrowingTaskGroup(of: [RecordedBatch].self) { group in
                for _ in 0..<6 {
                    group.addTask {
                        var mine: [RecordedBatch] = []
                        while let batch = await work.next() {
                            mine.append(try await EventStore(database.client).record(batch, under: book))
                        }
                        return mine
                    }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            #expect(results.reduce(0) { $0 + $1.inserted } == 400)
            let strange = try await StoreConformance.strangeProgress(
                database.client, after: events, terms: QuestTerms(streak: 3, duplication: 1_000_000))
            #expect(strange == [])
            // Each completion was told by the one batch that made it.
            let told = results.flatMap(\.completions).map(\.id)
            let kept = try await StoreConformance.number(database.client, "SELECT count(*) FROM processing.outbox")
            #expect(told.count == kept && Set(told).count == kept)
            let cross = try await StoreConformance.number(
                database.client, "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
            #expect(cross == 0, "batches take their locks in one order")
        }
    }
}

/// Work that several tasks share.
actor Shared<Element: Sendable> {
    private var rest: [Element]

    init(_ elements: [Element]) {
        rest = elements
    }

    var isEmpty: Bool { rest.isEmpty }

    func next() -> Element? { rest.popLast() }
}
