import Domain
import FoundationEssentials
import Redis
import Storage
import Streams

/// The quests that a batch counts under, read through the cache.
///
/// The book of one edition never changes, so its copy in the cache needs no invalidation: it is found by its edition
/// or not at all.
public struct QuestBooks: Sendable {
    /// How long a copy stays in the cache.
    static let lifetimeSeconds = 3_600

    private let rows: QuestRows
    private let cache: RedisClient
    private let keys: StreamKeys

    public init(rows: QuestRows, cache: RedisClient, keys: StreamKeys) {
        self.rows = rows
        self.cache = cache
        self.keys = keys
    }

    /// The book at the catalog's present revision; nil while there is no catalog, which means wait.
    ///
    /// The edition is asked of Postgres; the quests come from the cache, or from Postgres when the cache has none or is
    /// away, and are then put there for the other workers.
    ///
    /// - Throws: `PostgresError`.
    public func current() async throws -> QuestBook? {
        let present = try await rows.edition()
        guard present.revision > 0 else { return nil }
        let edition = present.id
        if let cached = try? await cache.send(["GET", keys.catalogBook(edition)]).bytes,
            let book = try? JSONDecoder().decode(QuestBook.self, from: Data(cached)), book.edition == edition
        {
            return book
        }
        guard let book = try await rows.book() else { return nil }
        if let bytes = try? JSONEncoder().encode(book) {
            // Without the cache the next worker reads Postgres, too: nothing else is lost.
            _ = try? await cache.send([
                "SET", keys.catalogBook(book.edition), Array(bytes), "EX", QuestBooks.lifetimeSeconds,
            ])
        }
        return book
    }
}
