import Domain
import Postgres
import TestSupport
import Testing

@testable import Storage

@Suite("Store conformance: outboxes and claims")
struct StoreConformanceOutboxTests {
    private struct Down: Error {}

    /// Long after everything that a test publishes.
    private var later: Timestamp { .now.advanced(bySeconds: 60) }

    /// Records `people` with six sign-ins each, which makes two completions for each.
    private func complete(_ people: Int, _ client: PostgresClient) async throws -> [Completion] {
        let events = (0..<people).flatMap { _ in
            let person = Identifier.random()
            return (0..<6).map { _ in Sample.signIn(person) }
        }
        return try await EventStore(client).record(events, under: try await Sample.book(client)).completions
    }

    @Test("Completions of a publish that throws stay in the outbox and are due as before")
    func failedPublish() async throws {
        try await TestDatabase.with { database in
            let completions = try await complete(5, database.client)
            let outbox = CompletionOutbox(database.client)
            let before = try await StoreConformance.fingerprint(database.client)
            for _ in 0..<3 {
                await #expect(throws: Down.self) { try await outbox.publishLost(before: later) { _ in throw Down() } }
            }
            #expect(try await StoreConformance.fingerprint(database.client) == before)
            let seen = Locked<[Completion]>([])
            let count = try await outbox.publishLost(before: later) { more in seen.withLock { $0 += more } }
            #expect(count == 10)
            #expect(Set(seen.now) == Set(completions))
        }
    }

    @Test("A relay that dies while it publishes, or whose COMMIT is not answered, leaves nothing unpublished")
    func dyingRelay() async throws {
        try await TestDatabase.with { database in
            let events = (0..<20).map { _ in Sample.signIn(.random()) }
            _ = try await SignInOutbox(database.client).add(events)
            _ = try await complete(5, database.client)
            try await FaultyProxy.with(.postgres, to: database.url) { proxy in
                let client = PostgresClient(try PostgresConfiguration(url: proxy.url), poolSize: 1)
                defer { client.close() }
                // Dies between the two round trips: what it has published is due again.
                await #expect(throws: PostgresError.self) {
                    try await SignInOutbox(client).publishDue(olderThan: .zero) { _ in proxy.cut() }
                }
                await #expect(throws: PostgresError.self) {
                    try await CompletionOutbox(client).publishLost(before: later) { _ in proxy.cut() }
                }
                #expect(try await SignInOutbox(database.client).backlog().count == 20)
                // Dies after the server has committed: published, and gone from the outbox.
                proxy.script { $0.commits ? .loseAnswer : .none }
                let published = Locked<[SignInEvent]>([])
                await #expect {
                    try await SignInOutbox(client).publishDue(olderThan: .zero) { more in
                        published.withLock { $0 += more }
                    }
                } throws: {
                    ($0 as? PostgresError)?.outcomeIsUnknown == true
                }
                #expect(Set(published.now) == Set(events))
                #expect(try await SignInOutbox(database.client).unpublished() == 0)
            }
        }
    }

    @Test("Relays at the same time never hold the same completion, and leave none")
    func relaysAtOnce() async throws {
        try await TestDatabase.with { database in
            let completions = try await complete(40, database.client)
            let inFlight = Locked<Set<Identifier>>([])
            let published = Locked<[Identifier]>([])
            let horizon = later
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        let outbox = CompletionOutbox(database.client)
                        while true {
                            // What one has published is not due again before the horizon has moved, but what it holds is.
                            let count = try await outbox.publishLost(before: horizon, limit: 7) { mine in
                                let ids = mine.map(\.id)
                                let isFree = inFlight.withLock { held in
                                    defer { held.formUnion(ids) }
                                    return held.isDisjoint(with: ids)
                                }
                                #expect(isFree, "a completion was published by two at once")
                                published.withLock { $0 += ids }
                                _ = try await database.client.query("SELECT 1")
                                inFlight.withLock { $0.subtract(ids) }
                            }
                            let isDone = published.withLock { Set($0).count == completions.count }
                            if isDone || count == 0 { return }
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(Set(published.now) == Set(completions.map(\.id)))
        }
    }

    @Test(
        "Claims are credited once, however often and by however many they are stored, with connections cut all the while",
        arguments: [31, 32] as [UInt64])
    func credits(seed: UInt64) async throws {
        try await TestDatabase.with { database in
            try await FaultyProxy.with(.postgres, to: database.url) { proxy in
                var random = SeededGenerator(seed: seed)
                let people = (0..<15).map { _ in Identifier.random() }
                let quest = Identifier.random()
                let completions = (0..<120).map { number in
                    Sample.completion(
                        of: people[number % 15], questID: quest, ordinal: Int32(number / 15 + 1),
                        quantity: Int64.random(in: 1...100, using: &random), autoClaim: Bool.random(using: &random))
                }
                let batches =
                    (0..<30).map { _ in
                        Array(completions.shuffled(using: &random).prefix(Int.random(in: 1...60, using: &random)))
                    } + [completions]
                let cuts = Shared((0..<25).map { _ in Int.random(in: 500...20_000, using: &random) })
                let work = Shared(batches)
                let client = PostgresClient(try PostgresConfiguration(url: proxy.url), poolSize: 4)
                defer { client.close() }
                let failures = try await withThrowingTaskGroup(of: Int.self) { group in
                    for _ in 0..<4 {
                        group.addTask {
                            var failures = 0
                            while let batch = await work.next() {
                                if !proxy.isCutDue, let bytes = await cuts.next() { proxy.cut(afterBytes: bytes) }
                                failures += try await StoreConformance.persist { try await Claims(client).store(batch) }
                                    .failures.count
                            }
                            return failures
                        }
                    }
                    return try await group.reduce(0, +)
                }
                #expect(failures > 0, "some connection was to be cut")
                let claims = try await StoreConformance.number(
                    database.client, "SELECT count(*) FROM auth.reward_claims")
                #expect(claims == 120)
                let credited = Dictionary(grouping: completions.filter(\.autoClaim), by: \.userID)
                for person in people {
                    let expected = (credited[person] ?? []).reduce(0) { $0 + $1.rewardQuantity }
                    #expect(try await Users(database.client).user(person)?.diamond == expected)
                    let entries = try await Wallets(database.client).entries(of: person, limit: 100)
                    #expect(entries.count == credited[person]?.count ?? 0)
                    #expect(entries.reduce(0) { $0 + $1.amount } == expected)
                }
            }
        }
    }
}
