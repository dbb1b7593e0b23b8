import Domain
import Postgres
import TestSupport
import Testing

@testable import Storage

@Suite("Store conformance: connections cut and servers killed")
struct StoreConformanceCutTests {
    private let terms = QuestTerms(streak: 3, duplication: 2)

    private func crowd(_ people: Int, each: Int) -> [SignInEvent] {
        (0..<people).flatMap { _ in
            let person = Identifier.random()
            return (0..<each).map { _ in Sample.signIn(person) }
        }.shuffled()
    }

    private func client(_ proxy: FaultyProxy) throws -> PostgresClient {
        PostgresClient(try PostgresConfiguration(url: proxy.url), poolSize: 2)
    }

    @Test("A batch whose connection is cut after any byte is there whole or not at all, and repeating makes it whole")
    func anyByte() async throws {
        try await TestDatabase.with { database in
            try await FaultyProxy.with(.postgres, to: database.url) { proxy in
                let client = try client(proxy)
                defer { client.close() }
                let book = try await Sample.book(database.client)
                var random = SeededGenerator(seed: 21)
                var all: [SignInEvent] = []
                var (none, whole) = (0, 0)
                for _ in 0..<40 {
                    let events = crowd(10, each: 4)
                    all += events
                    // Some 4,000 bytes go there for such a batch and some 6,000 come back.
                    proxy.cut(afterBytes: Int.random(in: 1...10_000, using: &random))
                    do {
                        _ = try await EventStore(client).record(events, under: book)
                    } catch let error as PostgresError {
                        #expect(error.isRetryable)
                        let found = try await settled(database.client, events)
                        #expect(found == 0 || found == 40, "all or nothing")
                        if found == 0 { none += 1 } else { whole += 1 }
                        #expect(found == 0 || error.outcomeIsUnknown, "what may be there is not said to be absent")
                    }
                    proxy.cut(afterBytes: nil)
                    _ = try await StoreConformance.persist { try await EventStore(client).record(events, under: book) }
                }
                #expect(none > 3 && whole > 3, "cuts before and behind the commit: \(none), \(whole)")
                let strange = try await StoreConformance.strangeProgress(database.client, after: all, terms: terms)
                #expect(strange == [])
            }
        }
    }

    /// How many are recorded, once the server has done with the session that was cut.
    private func settled(_ client: PostgresClient, _ events: [SignInEvent]) async throws -> Int {
        try await eventually("the cut session has ended", every: .milliseconds(1)) {
            try await StoreConformance.number(
                client,
                """
                SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
                    AND pid <> pg_backend_pid() AND state <> 'idle'
                """) == 0
        }
        return try await StoreConformance.recorded(client, events)
    }

    @Test("Sessions ended from outside in mid-batch lose and double nothing")
    func terminated() async throws {
        try await TestDatabase.with { database in
            let book = try await Sample.book(database.client)
            let victim = try database.another(poolSize: 3)
            defer { victim.close() }
            let ended = Locked(0)
            let recorded = Locked<[SignInEvent]>([])
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<3 {
                    group.addTask {
                        repeat {
                            let batch = crowd(100, each: 4)
                            _ = try await StoreConformance.persist {
                                try await EventStore(victim).record(batch, under: book)
                            }
                            recorded.withLock { $0 += batch }
                        } while ended.now < 8
                    }
                }
                group.addTask {
                    // Whoever is seen inserting.
                    try await eventually("sessions are ended", every: .milliseconds(1)) {
                        let hit = try await database.client.query(
                            """
                            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                            WHERE datname = current_database() AND pid <> pg_backend_pid() AND state = 'active'
                                AND query LIKE '%INSERT INTO processing.events%' LIMIT 1
                            """
                        ).count
                        ended.withLock { $0 += hit }
                        return ended.now >= 8
                    }
                }
                try await group.waitForAll()
            }
            let events = recorded.now
            #expect(try await StoreConformance.recorded(database.client, events) == events.count)
            let sample = Array(Dictionary(grouping: events, by: \.userID).values.prefix(300).joined())
            let strange = try await StoreConformance.strangeProgress(database.client, after: sample, terms: terms)
            #expect(strange == [])
        }
    }

    @Test("A lost answer to COMMIT is an unknown outcome, and repeating changes nothing")
    func lostCommit() async throws {
        try await TestDatabase.with(autoClaim: true) { database in
            try await FaultyProxy.with(.postgres, to: database.url) { proxy in
                let client = try client(proxy)
                defer { client.close() }
                let book = try await Sample.book(database.client)
                let events = crowd(10, each: 4)
                let user = try #require(
                    try await Users(database.client).create(id: .random(), name: "Ann", passwordHash: "h"))
                let first = Sample.signIn(user.id, type: .firstSignIn)
                let completions = (0..<10).map { _ in Sample.completion(autoClaim: true) }
                let works: [(String, @Sendable () async throws -> Bool)] = [
                    ("batch", { try await EventStore(client).record(events, under: book).inserted == 0 }),
                    ("claims", { try await Claims(client).store(completions).count == 0 }),
                    ("first sign-in", { try await Users(client).recordFirstSignIn(first) == nil }),
                ]
                for (name, work) in works {
                    proxy.script { $0.commits ? .loseAnswer : .none }
                    await #expect("\(name)") {
                        _ = try await work()
                    } throws: { error in
                        guard let error = error as? PostgresError else { return false }
                        return error.outcomeIsUnknown && error.isRetryable
                    }
                    proxy.script { _ in .none }
                    let before = try await StoreConformance.fingerprint(database.client)
                    let isUnchanged = try await work()
                    #expect(isUnchanged, "\(name) was done the first time")
                    #expect(try await StoreConformance.fingerprint(database.client) == before, "\(name)")
                }
                #expect(try await StoreConformance.recorded(database.client, events) == 40)
                #expect(try await SignInOutbox(database.client).backlog().count == 1)
                let diamonds: SQL = "SELECT sum(diamond)::bigint FROM auth.users"
                #expect(try await StoreConformance.number(database.client, diamonds) == 100)
            }
        }
    }

    @Test(
        "A server killed and started again in mid-batch: nothing of the batch stays, and the client goes on by itself"
    )
    func killed() async throws {
        try await PrivatePostgres.with { postgres in
            try await postgres.start()
            let client = PostgresClient(try PostgresConfiguration(url: postgres.url), poolSize: 3)
            defer { client.close() }
            _ = try await Migrator(client, logger: TestLog.logger).migrate()
            _ = try await Seeding(client).plant(TestDatabase.seed())
            let book = try await Sample.book(client)
            var all: [SignInEvent] = []
            for _ in 0..<2 {
                let events = crowd(1_000, each: 4)
                all += events
                // Its events are inserted, and it waits to write the progress.
                let holding = Task {
                    try await client.transaction { transaction in
                        _ = try await transaction.query("LOCK processing.user_quest_rewards IN EXCLUSIVE MODE")
                        _ = try await transaction.query("SELECT pg_sleep(9)")
                    }
                }
                let locks: SQL = "SELECT count(*) FROM pg_locks WHERE mode = 'ExclusiveLock' AND locktype = 'relation'"
                try await eventually("the table is locked") { try await StoreConformance.number(client, locks) > 0 }
                let recording = Task { try await EventStore(client).record(events, under: book) }
                let waiting: SQL = "SELECT count(*) FROM pg_locks WHERE NOT granted"
                try await eventually("the batch is at work", every: .milliseconds(1)) {
                    try await StoreConformance.number(client, waiting) > 0
                }
                try await postgres.kill()
                let error = await #expect(throws: PostgresError.self) { _ = try await recording.value }
                #expect(error?.isRetryable == true && error?.outcomeIsUnknown == true)
                await #expect(throws: PostgresError.self) { try await holding.value }
                try await postgres.start()
                // No new client: this one has only broken connections.
                let found = try await StoreConformance.persist { try await StoreConformance.recorded(client, events) }
                #expect(found.value == 0, "no part of it stays")
                let again = try await StoreConformance.persist {
                    try await EventStore(client).record(events, under: book)
                }
                #expect(again.value.inserted == events.count)
            }
            #expect(try await StoreConformance.recorded(client, all) == all.count)
            let sample = Array(Dictionary(grouping: all, by: \.userID).values.prefix(200).joined())
            let strange = try await StoreConformance.strangeProgress(client, after: sample, terms: terms)
            #expect(strange == [])
        }
    }
}
