import Domain
import Postgres
import TestSupport
import Testing

@testable import Storage

@Suite("Claims and wallets")
struct ClaimsTests {
    private func balances(_ database: TestDatabase, _ person: Identifier) async throws -> (gold: Int64, diamond: Int64)?
    {
        try await Users(database.client).user(person).map { ($0.gold, $0.diamond) }
    }

    @Test("A manual claim waits, is credited by the first claim, and answers the same afterwards")
    func manual() async throws {
        try await TestDatabase.with { database in
            let claims = Claims(database.client)
            let completion = Sample.completion()
            #expect(try await claims.store([completion]).count == 1)
            #expect(try await claims.store([completion]).count == 0)
            #expect(try await balances(database, completion.userID)?.diamond == 0)
            let first = try #require(try await claims.claim(completion.id, of: completion.userID))
            #expect(first.status == .claimed)
            let second = try await claims.claim(completion.id, of: completion.userID)
            #expect(second == first)
            #expect(try await balances(database, completion.userID)?.diamond == 10)
            #expect(try await claims.claim(completion.id, of: .random()) == nil)
            #expect(try await claims.claim(.random(), of: completion.userID) == nil)
        }
    }

    @Test("Many callers at once credit once")
    func claimRace() async throws {
        try await TestDatabase.with { database in
            let claims = Claims(database.client)
            let completion = Sample.completion(item: .gold)
            _ = try await claims.store([completion])
            let answers = try await withThrowingTaskGroup(of: RewardClaim?.self) { group in
                for _ in 0..<16 { group.addTask { try await claims.claim(completion.id, of: completion.userID) } }
                return try await group.reduce(into: [RewardClaim?]()) { $0.append($1) }
            }
            #expect(Set(answers.map { $0?.claimedAt }).count == 1)
            #expect(answers.allSatisfy { $0?.status == .claimed })
            #expect(try await balances(database, completion.userID)?.gold == 10)
            #expect(try await Wallets(database.client).entries(of: completion.userID, limit: 10).count == 1)
        }
    }

    @Test("auto_claim credits at once, many in one batch, with a running balance")
    func automatic() async throws {
        try await TestDatabase.with { database in
            let person = Identifier.random()
            let quest = Identifier.random()
            let batch = (1...5).map {
                Sample.completion(of: person, questID: quest, ordinal: $0, quantity: Int64($0), autoClaim: true)
            }
            let others = (0..<20).map { _ in Sample.completion(autoClaim: true) }
            let claims = Claims(database.client)
            #expect(try await claims.store((batch + others).shuffled()).count == 25)
            #expect(try await claims.store(batch).count == 0)
            #expect(try await balances(database, person)?.diamond == 15)
            let entries = try await Wallets(database.client).entries(of: person, limit: 100)
            #expect(entries.first?.balanceAfter == 15)
            var balance: Int64 = 0
            for entry in entries.reversed() {
                balance += entry.amount
                #expect(entry.balanceAfter == balance)
            }
        }
    }

    @Test("A new person's claims of both kinds come in one batch")
    func mixed() async throws {
        try await TestDatabase.with { database in
            let person = Identifier.random()
            let batch = [
                Sample.completion(of: person, autoClaim: true), Sample.completion(of: person, autoClaim: false),
                Sample.completion(of: person, item: .gold, autoClaim: true),
            ]
            #expect(try await Claims(database.client).store(batch).count == 3)
            let found = try await balances(database, person)
            #expect(found?.diamond == 10 && found?.gold == 10)
        }
    }

    @Test("The same completions in two workers at once make one claim each")
    func storeRace() async throws {
        try await TestDatabase.with { database in
            let claims = Claims(database.client)
            let completions = (0..<200).map { _ in Sample.completion(autoClaim: Bool.random()) }
            let stored = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<4 { group.addTask { try await claims.store(completions.shuffled()).count } }
                return try await group.reduce(0, +)
            }
            #expect(stored == 200)
            let credited = try await database.client.query("SELECT sum(diamond)::bigint FROM auth.users")
            let expected = completions.filter(\.autoClaim).count * 10
            #expect(try credited.first?.decode(0, as: Int64.self) == Int64(expected))
        }
    }

    @Test("A reward that would overflow a wallet is refused as bad data, not half written")
    func overflow() async throws {
        try await TestDatabase.with { database in
            let claims = Claims(database.client)
            let person = Identifier.random()
            let quest = Identifier.random()
            let huge = Sample.completion(of: person, questID: quest, quantity: .max, autoClaim: true)
            _ = try await claims.store([huge])
            let more = Sample.completion(of: person, questID: quest, ordinal: 2, quantity: 1, autoClaim: true)
            await #expect { _ = try await claims.store([more]) } throws: { ($0 as? PostgresError)?.isDataError == true }
            #expect(try await claims.list(of: person, limit: 10).count == 1)
        }
    }

    @Test("Pages of claims meet without a gap or a repetition")
    func pages() async throws {
        try await TestDatabase.with { database in
            let claims = Claims(database.client)
            let person = Identifier.random()
            let quest = Identifier.random()
            _ = try await claims.store((1...23).map { Sample.completion(of: person, questID: quest, ordinal: $0) })
            var seen: [Identifier] = []
            var cursor: ListPosition?
            repeat {
                let page = try await claims.list(of: person, after: cursor, limit: 5)
                seen += page.map(\.claim.id)
                cursor = page.last?.position
            } while cursor != nil && seen.count < 40
            #expect(seen.count == 23)
            #expect(Set(seen).count == 23)
            #expect(try await claims.list(of: person, status: .claimed, limit: 5).isEmpty)
        }
    }

    @Test("A claim removes its completion's outbox row; without one the completion is due again")
    func outbox() async throws {
        try await TestDatabase.with { database in
            let person = Identifier.random()
            let recorded = try await EventStore(database.client).record(
                (0..<6).map { _ in Sample.signIn(person) }, under: try await Sample.book(database.client))
            #expect(recorded.completions.count == 2)
            let outbox = CompletionOutbox(database.client)
            #expect(try await outbox.backlog().count == 2)
            let early = try await outbox.publishLost(before: .now) { _ in Issue.record("published a moment ago") }
            #expect(early == 0)
            let later = Timestamp.now.advanced(bySeconds: 10)
            let seen = Seen()
            #expect(try await outbox.publishLost(before: later) { await seen.add($0) } == 2)
            #expect(await Set(seen.completions) == Set(recorded.completions))
            let again = try await outbox.publishLost(before: .now) { _ in Issue.record("published a moment ago") }
            #expect(again == 0)
            _ = try await Claims(database.client).store(recorded.completions)
            #expect(try await outbox.backlog().count == 0)
        }
    }

    private actor Seen {
        private(set) var completions: [Completion] = []

        func add(_ more: [Completion]) { completions += more }
    }
}
