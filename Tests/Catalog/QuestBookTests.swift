import Catalog
import Domain
import Logging
import Postgres
import Redis
import Storage
import Streams
import TestSupport
import Testing

@Suite("The books of the workers")
struct QuestBookTests {
    @Test("Workers read the book from the cache, and a new one as soon as the catalog moved")
    func books() async throws {
        try await CatalogParts.with { parts in
            let (database, cache, keys) = (parts.database, parts.cache, parts.keys)
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

}
