import Domain
import Postgres
import TestSupport
import Testing

@testable import Storage

/// Two batches at the same time, stepped: the first is held open until the second is seen waiting for it.
@Suite("Two batches at once")
struct ConcurrentBatchTests {
    /// Holds `first` open, starts `second`, waits until it is blocked, commits the first and returns both results.
    private func race(
        _ database: TestDatabase, first: [SignInEvent], second: [SignInEvent]
    ) async throws -> RecordedBatch {
        let book = try await Sample.book(database.client)
        let other = try database.another()
        defer { other.close() }
        let (isHeld, hold) = AsyncStream<Void>.makeStream()
        let (mayCommit, release) = AsyncStream<Void>.makeStream()
        async let holding: Void = database.client.transaction { transaction in
            _ = try await transaction.query(EventStore.recordStatement(first, book))
            hold.yield()
            for await _ in mayCommit { break }
        }
        for await _ in isHeld { break }
        async let waiting = EventStore(other).record(second, under: book)
        _ = try await untilSomebodyWaits(database)
        release.yield()
        try await holding
        return try await waiting
    }

    /// - Returns: whether it has written something already.
    private func untilSomebodyWaits(_ database: TestDatabase) async throws -> Bool {
        var hasWritten: Bool?
        try await eventually("somebody waits for a lock", every: .milliseconds(1)) {
            let rows = try await database.client.query(
                """
                SELECT backend_xid IS NOT NULL FROM pg_stat_activity
                WHERE datname = current_database() AND wait_event_type = 'Lock'
                """)
            hasWritten = try rows.first?.decode(0)
            return hasWritten != nil
        }
        return try #require(hasWritten as Bool?)
    }

    @Test("For one new person nothing is lost")
    func newPerson() async throws {
        try await TestDatabase.with { database in
            let person = Identifier.random()
            let recorded = try await race(
                database, first: (0..<2).map { _ in Sample.signIn(person) },
                second: (0..<2).map { _ in Sample.signIn(person) })
            #expect(recorded.inserted == 2)
            #expect(recorded.completions.map(\.ordinal) == [1])
            let row = try #require(try await ProgressRows(database.client).list(of: person, limit: 2).first)
            #expect(row.progress == Progress(streak: 1, duplication: 1))
        }
    }

    @Test("For one known person nothing is lost")
    func knownPerson() async throws {
        try await TestDatabase.with { database in
            let person = Identifier.random()
            let book = try await Sample.book(database.client)
            _ = try await EventStore(database.client).record([Sample.signIn(person)], under: book)
            let recorded = try await race(
                database, first: (0..<2).map { _ in Sample.signIn(person) },
                second: (0..<3).map { _ in Sample.signIn(person) })
            #expect(recorded.completions.map(\.ordinal) == [2])
            let row = try #require(try await ProgressRows(database.client).list(of: person, limit: 2).first)
            #expect(row.progress == Progress(streak: 0, duplication: 2))
            #expect(row.limitReached)
        }
    }

    @Test("With the same ids in opposite order, each is recorded once and nobody deadlocks")
    func sameEvents() async throws {
        try await TestDatabase.with { database in
            let person = Identifier.random()
            let events = (0..<50).map { _ in Sample.signIn(person) }
            let recorded = try await race(database, first: events, second: events.reversed())
            #expect(recorded.inserted == 0)
            #expect(recorded.completions.isEmpty)
            let rows = try await database.client.query("SELECT count(*) FROM processing.events")
            #expect(try rows.first?.decode(0, as: Int64.self) == 52)
        }
    }

    @Test("A catalog change waits for the batch, and a batch with old quests changes nothing")
    func revisions() async throws {
        try await TestDatabase.with { database in
            let old = try await Sample.book(database.client)
            _ = try await database.client.query("UPDATE catalog.quests SET streak = 1")
            let store = EventStore(database.client)
            let event = Sample.signIn(.random())
            await #expect { _ = try await store.record([event], under: old) } throws: { error in
                (error as? PostgresError)?.sqlState == EventStore.staleCatalog
            }
            let new = try await Sample.book(database.client)
            #expect(new.revision == old.revision + 1)
            let recorded = try await store.record([event], under: new)
            #expect(recorded.inserted == 1)
            #expect(recorded.completions.first?.catalogRevision == new.revision)
        }
    }

    @Test("A batch waits for a catalog change before it locks anything else, and is then refused with the old quests")
    func catalogComesFirst() async throws {
        try await TestDatabase.with { database in
            let book = try await Sample.book(database.client)
            let person = Identifier.random()
            let events = (0..<20).map { _ in Sample.signIn(person, id: .random()) }
            let other = try database.another()
            defer { other.close() }
            let recording = try await database.client.transaction { transaction in
                _ = try await transaction.query("UPDATE catalog.quests SET streak = 1")
                let recording = Task { try await EventStore(other).record(events, under: book) }
                #expect(try await untilSomebodyWaits(database) == false)
                return recording
            }
            await #expect {
                _ = try await recording.value
            } throws: {
                ($0 as? PostgresError)?.sqlState == EventStore.staleCatalog
            }
        }
    }

    @Test("A catalog change waits for a batch that is all done but for its commit")
    func catalogIsHeldToTheEnd() async throws {
        try await TestDatabase.with { database in
            try await FaultyProxy.with(.postgres, to: database.url) { proxy in
                let client = PostgresClient(try PostgresConfiguration(url: proxy.url), poolSize: 2)
                defer { client.close() }
                let book = try await Sample.book(database.client)
                let events = [Sample.signIn(.random()), Sample.signIn(.random())]
                proxy.script { request in
                    let isBatch = request.roundTrip.contains { $0.contains("INSERT INTO processing.events") }
                    return request.commits && isBatch ? .holdRequest : .none
                }
                let recording = Task { try await EventStore(client).record(events, under: book) }
                try await eventually("the batch waits for its commit", every: .milliseconds(1)) {
                    try await database.client.query(
                        """
                        SELECT FROM pg_stat_activity WHERE datname = current_database()
                            AND wait_event = 'ClientRead' AND backend_xid IS NOT NULL
                        """
                    ).count == 1
                }
                await #expect {
                    try await CatalogTransaction.run(database.client, operation: "change") { _ in }
                } throws: {
                    ($0 as? PostgresError)?.sqlState == "55P03"
                }
                proxy.release()
                #expect(try await recording.value.inserted == 2)
                try await CatalogTransaction.run(database.client, operation: "change") { _ in }
            }
        }
    }

    @Test("A conflicting event under a known id is found, a plain repetition is not")
    func conflicts() async throws {
        try await TestDatabase.with { database in
            let store = EventStore(database.client)
            let book = try await Sample.book(database.client)
            let event = Sample.signIn(.random())
            _ = try await store.record([event], under: book)
            let stranger = Sample.signIn(.random(), id: event.id)
            let otherType = Sample.signIn(event.userID, id: event.id, type: .firstSignIn)
            let later = SignInEvent(
                id: event.id, type: event.type, userID: event.userID,
                occurredAt: event.occurredAt.advanced(bySeconds: 9))
            #expect(try await store.record([stranger], under: book).inserted == 0)
            #expect(try await store.conflicts(among: [event, stranger, otherType, later]) == [stranger, otherType])
        }
    }

    @Test("One event can complete several quests, each once")
    func manyQuests() async throws {
        try await TestDatabase.with { database in
            try await database.client.execute(
                script: """
                    INSERT INTO catalog.quests (quest_id, name, event_type, streak, duplication, reward_id)
                    SELECT gen_random_uuid(), 'Quest ' || n, 'UserSignIn', 1, n, (SELECT reward_id FROM catalog.rewards)
                    FROM generate_series(1, 4) n;
                    INSERT INTO catalog.quests (quest_id, name, event_type, streak, duplication, reward_id)
                    SELECT gen_random_uuid(), 'Levels', 'LevelUp', 1, 9, (SELECT reward_id FROM catalog.rewards);
                    """)
            let person = Identifier.random()
            let book = try await Sample.book(database.client)
            #expect(book.pages.count == 6)
            let store = EventStore(database.client)
            let recorded = try await store.record(
                [Sample.signIn(person, type: .firstSignIn), Sample.signIn(person)], under: book)
            // One of the quest that is full after one, two of each other.
            #expect(recorded.completions.count == 7)
            #expect(Set(recorded.completions.map(\.id)).count == 7)
            let unknown = try #require(EventType("Unheard"))
            let silent = try await store.record([Sample.signIn(person, type: unknown)], under: book)
            #expect(silent.inserted == 1 && silent.completions.isEmpty)
        }
    }
}
