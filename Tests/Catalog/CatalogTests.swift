import Catalog
import Domain
import Logging
import Postgres
import Redis
import Storage
import Streams
import TestSupport
import Testing

@Suite("The catalog, read through Redis")
struct CatalogTests {
    private func withParts(
        _ body: (TestDatabase, RedisClient, StreamKeys) async throws -> Void
    ) async throws {
        try await TestDatabase.with { database in
            try await TestRedis.with { redis in
                try await body(database, redis.client, StreamKeys(prefix: redis.prefix))
            }
        }
    }

    @Test("Workers read the book from the cache, and a new one as soon as the catalog moved")
    func books() async throws {
        try await withParts { database, cache, keys in
            let books = QuestBooks(rows: QuestRows(database.client), cache: cache, keys: keys)
            let first = try #require(try await books.current())
            #expect(first.pages.map(\.quest.name) == ["UserSignIn"])
            // What is in the cache is what is read: nothing but the revision is asked of Postgres.
            let cached = try await cache.send(["GET", keys.catalogBook(first.edition)])
            let text = try #require(cached.string)
            let marked = text.replacing("UserSignIn\"", with: "FromCache\"")
            _ = try await cache.send(["SET", keys.catalogBook(first.edition), marked])
            #expect(try await books.current()?.pages.map(\.quest.name) == ["FromCache"])
            _ = try await database.client.query("UPDATE catalog.quests SET streak = 9")
            #expect(try await books.current()?.pages.map(\.quest.streak) == [9])
        }
    }

    @Test("No catalog is not the same as no quests")
    func noCatalog() async throws {
        try await TestDatabase.with(seeded: false) { database in
            try await TestRedis.with { redis in
                let books = QuestBooks(
                    rows: QuestRows(database.client), cache: redis.client, keys: StreamKeys(prefix: redis.prefix))
                let book = try await books.current()
                #expect(book == nil)
            }
        }
    }

    @Test("A copy in the cache answers; without the cache Postgres does")
    func queries() async throws {
        try await withParts { database, cache, keys in
            let rows = QuestRows(database.client)
            let queries = CatalogQueries(rows: rows, cache: cache, keys: keys)
            let quest = try #require(try await rows.book()?.pages.first?.quest)
            #expect(try await queries.quest(quest.id) == quest)
            #expect(try await queries.quest(named: "UserSignIn") == quest)
            #expect(try await queries.reward(quest.rewardID)?.quantity == 10)
            #expect(try await queries.quests(after: nil, limit: 10).items == [quest])
            #expect(try await queries.quest(.random()) == nil)
            #expect(try await cache.send(["TTL", keys.catalogQuest(quest.id)]).integer ?? 0 > 500)
            let nobody = RedisClient(try RedisConfiguration(url: "redis://127.0.0.1:1"), logger: Logger(label: "test"))
            let blind = CatalogQueries(rows: rows, cache: nobody, keys: keys)
            #expect(try await blind.quest(quest.id) == quest)
            await nobody.close()
        }
    }

    @Test("The projector carries a change to the copies, and a slow reader does not bring the old value back")
    func projector() async throws {
        try await withParts { database, cache, keys in
            let rows = QuestRows(database.client)
            let queries = CatalogQueries(rows: rows, cache: cache, keys: keys)
            let projector = Projector(
                outbox: CatalogOutbox(database.client), rows: rows, cache: cache, streams: cache, keys: keys)
            let old = try #require(try await rows.book()?.pages.first?.quest)
            #expect(try await projector.project() == 2)
            _ = try await database.client.query("UPDATE catalog.quests SET streak = 4")
            #expect(try await projector.project() == 1)
            #expect(try await projector.project() == 0)
            #expect(try await queries.quest(old.id)?.streak == 4)
            #expect(try await queries.quest(named: old.name)?.streak == 4)
        }
    }
}
