import Domain
import Postgres
import TestSupport
import Testing

@testable import Storage

@Suite("The rule in SQL")
struct FoldTests {
    @Test(
        "Gives what the Swift form gives, for ten thousand random rows, with and without a row before",
        arguments: [true, false])
    func expressions(isKnown: Bool) async throws {
        try await TestDatabase.with(seeded: false) { database in
            var cases: [(start: Progress, events: Int32, terms: QuestTerms)] = []
            for _ in 0..<10_000 {
                let terms = QuestTerms(streak: .random(in: 1...8), duplication: .random(in: 1...8))
                let start = Progress(streak: .random(in: 0...9), duplication: .random(in: 0...9))
                cases.append((start: isKnown ? start : .none, events: .random(in: 1...40), terms: terms))
            }
            // The largest that the catalog and a batch allow.
            let most: Int32 = 1_000_000
            for (terms, before) in [(most, most), (1, most), (most, 1), (1, 1)].flatMap({ now in
                [(most, most), (1, most), (most, 1), (1, 1)].map { (now, $0) }
            }) {
                let start = Progress(streak: before.0 - 1, duplication: before.1)
                cases.append(
                    (
                        start: isKnown ? start : .none, events: 4_000,
                        terms: QuestTerms(streak: terms.0, duplication: terms.1)
                    ))
            }
            let fold =
                isKnown
                ? Fold(streak: "s", duplication: "d", events: "n", goal: "g", limit: "l")
                : Fold(events: "n", goal: "g", limit: "l")
            let rows = try await database.client.query(
                """
                SELECT \(unsafe: fold.streakAfter), \(unsafe: fold.duplicationAfter), \(unsafe: fold.completions),
                    \(unsafe: fold.statusAfter), \(unsafe: fold.countedEvents), \(unsafe: fold.start)
                FROM unnest(\(cases.map(\.start.streak)), \(cases.map(\.start.duplication)), \(cases.map(\.events)),
                    \(cases.map(\.terms.streak)), \(cases.map(\.terms.duplication)))
                    WITH ORDINALITY AS c (s, d, n, g, l, place) ORDER BY place
                """)
            #expect(rows.count == cases.count)
            for (row, sample) in zip(rows, cases) {
                var expected = sample.start
                let completions = expected.count(Int64(sample.events), under: sample.terms)
                let found = Progress(streak: try row.decode(0), duplication: try row.decode(1))
                #expect(found == expected, "\(sample)")
                #expect(try row.decode(2, as: Int32.self) == Int32(completions.count))
                #expect(try row.decode(3, as: Int32.self) == (expected.isExhausted(under: sample.terms) ? 1 : 0))
                // Counting only the events that counted leads to the same place.
                let counted: Int32 = try row.decode(4)
                let start: Int32 = try row.decode(5)
                #expect(
                    Int64(start) + Int64(counted) == Int64(completions.count) * Int64(sample.terms.streak)
                        + Int64(expected.streak))
                #expect(counted <= sample.events)
                if counted > 0 {
                    var again = sample.start
                    #expect(again.count(Int64(counted), under: sample.terms).count == completions.count)
                    #expect(again == expected)
                }
            }
        }
    }

    @Test("Any split into batches, with catalog changes between them, equals one event at a time", arguments: 0..<8)
    func batches(round: Int) async throws {
        try await TestDatabase.with { database in
            let store = EventStore(database.client)
            let people = (0..<12).map { _ in Identifier.random() }
            var expected: [Identifier: Progress] = [:]
            var completions: [Identifier: [Int32: Identifier]] = [:]
            for _ in 0..<25 {
                if Int.random(in: 0..<3) == 0 {
                    let (streak, duplication) = (Int32.random(in: 1...5), Int32.random(in: 1...6))
                    _ = try await database.client.query(
                        "UPDATE catalog.quests SET streak = \(streak), duplication = \(duplication)")
                }
                let book = try #require(try await QuestRows(database.client).book())
                let quest = try #require(book.pages.first?.quest)
                let events = (0..<Int.random(in: 1...60)).map { _ in Sample.signIn(people.randomElement() ?? .random())
                }
                let recorded = try await store.record(events, under: book)
                #expect(recorded.inserted == events.count)
                var made = 0
                for event in events {
                    guard let ordinal = expected[event.userID, default: .none].count(under: quest.terms) else {
                        continue
                    }
                    completions[event.userID, default: [:]][ordinal] = event.id
                    made += 1
                }
                #expect(recorded.completions.count == made)
                for completion in recorded.completions {
                    #expect(completions[completion.userID]?[completion.ordinal] == completion.causeID)
                    #expect(
                        completion.id
                            == Completion.id(userID: completion.userID, questID: quest.id, ordinal: completion.ordinal))
                }
            }
            for (person, progress) in expected {
                let rows = try await ProgressRows(database.client).list(of: person, limit: 10)
                #expect(rows.map(\.progress) == [progress])
            }
        }
    }
}
