import Domain
import Postgres
import TestSupport
import Testing

@testable import Storage

@Suite("Figures and duties")
struct FiguresTests {
    @Test("A batch tells which of its events were new", arguments: [0, 1, 37, 60])
    func newEvents(known: Int) async throws {
        try await TestDatabase.with { database in
            let store = EventStore(database.client)
            let book = try await Sample.book(database.client)
            let events = (0..<20).flatMap { _ in
                let person = Identifier.random()
                return (0..<3).map { _ in Sample.signIn(person) }
            }
            let before = try await store.record(Array(events.prefix(known)), under: book)
            #expect(before.inserted == known && before.new == (known == 0 ? .none : .all(known)))
            let after = try await store.record(events, under: book)
            #expect(after.inserted == 60 - known)
            #expect(events.map { after.new.contains($0.id) } == events.indices.map { $0 >= known })
            #expect(before.completions.count + after.completions.count == 20)
        }
    }

    @Test("Claims tell which were new, and unclaimed ones are counted by item")
    func unclaimed() async throws {
        try await TestDatabase.with { database in
            let claims = Claims(database.client)
            #expect(try await claims.unclaimed() == [.gold: 0, .diamond: 0])
            let diamonds = (0..<5).map { _ in Sample.completion() }
            let gold = (0..<3).map { _ in Sample.completion(item: .gold) }
            let claimed = (0..<4).map { _ in Sample.completion(autoClaim: true) }
            #expect(try await claims.store(diamonds) == .all(5))
            #expect(try await claims.store(diamonds + gold + claimed) == .some(Set((gold + claimed).map(\.id))))
            #expect(try await claims.unclaimed() == [.gold: 3, .diamond: 5])
            _ = try await claims.claim(diamonds[0].id, of: diamonds[0].userID)
            #expect(try await claims.unclaimed() == [.gold: 3, .diamond: 4])
        }
    }

    @Test("Unclaimed rewards are found by their index")
    func plan() async throws {
        try await TestDatabase.with { database in
            _ = try await database.client.query(
                """
                INSERT INTO auth.reward_claims (claim_id, user_id, quest_id, completion, reward_item, reward_qty,
                    status, created_at, claimed_at)
                SELECT gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 1, 'gold', 1,
                    CASE WHEN n % 50 = 0 THEN 'pending' ELSE 'claimed' END, now(),
                    CASE WHEN n % 50 > 0 THEN now() END
                FROM generate_series(1, 20000) AS n
                """)
            try await database.client.execute(script: "VACUUM ANALYZE auth.reward_claims")
            let plan = try await database.client.query(
                "EXPLAIN SELECT reward_item, count(*) FROM auth.reward_claims WHERE status = 'pending' GROUP BY reward_item"
            ).map { try $0.decode(0, as: String.self) }
            #expect(plan.contains { $0.contains("Index Only Scan using reward_claims_unclaimed") }, "\(plan)")
        }
    }

    @Test("A duty has one holder, who keeps it, lets go of it, or is not heard of any more")
    func duties() async throws {
        try await TestDatabase.with { database in
            let duties = Duties(database.client)
            let taken = try await withThrowingTaskGroup(of: Bool.self) { group in
                for number in 0..<8 { group.addTask { try await duties.take("d", for: 600, as: "\(number)") } }
                return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
            }
            #expect(taken == 1)
            #expect(try await duties.take("e", for: 600, as: "a"))
            #expect(try await duties.take("e", for: 600, as: "a"))
            #expect(try await !duties.take("e", for: 600, as: "b"))
            try await duties.release("e", of: "b")
            #expect(try await !duties.take("e", for: 600, as: "b"))
            try await duties.release("e", of: "a")
            #expect(try await duties.take("e", for: -1, as: "b"))
            #expect(try await duties.take("e", for: 600, as: "c"))
        }
    }
}
