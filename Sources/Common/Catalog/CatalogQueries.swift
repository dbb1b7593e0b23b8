import Domain
import FoundationEssentials
import Postgres
import Redis
import Storage
import Streams
import Synchronization

/// Reads of the catalog: from Redis, or from Postgres when the copy is missing or Redis is away.
public struct CatalogQueries: Sendable {
    private let rows: QuestRows
    private let model: ReadModel
    private let keys: StreamKeys
    private let lastSeen = LastSeen()

    public init(rows: QuestRows, cache: RedisClient, keys: StreamKeys) {
        self.rows = rows
        self.keys = keys
        model = ReadModel(cache: cache)
    }

    /// A quest, retired or not.
    ///
    /// - Throws: `PostgresError`.
    public func quest(_ id: Identifier) async throws -> Quest? {
        try await read(keys.catalogQuest(id), revision: \.revision) { try await rows.quest(id) }
    }

    /// - Throws: `PostgresError`.
    public func quest(named name: String) async throws -> Quest? {
        try await read(keys.catalogQuestNamed(name), revision: \.revision) { try await rows.quest(named: name) }
    }

    /// - Throws: `PostgresError`.
    public func reward(_ id: Identifier) async throws -> Reward? {
        try await read(keys.catalogReward(id), revision: \.revision) { try await rows.reward(id) }
    }

    /// Active quests by name, and the catalog revision they were read at.
    ///
    /// - Parameter cursor: the name of the last quest of the page before.
    /// - Throws: `PostgresError`.
    public func quests(after cursor: String?, limit: Int) async throws -> CatalogPage<Quest> {
        let revision = try await listRevision()
        let key = keys.catalogQuests(page: "\(revision):\(limit):\(cursor ?? "")")
        return try await page(key, isFirst: cursor == nil, revision) {
            try await rows.quests(after: cursor, includingRetired: false, limit: limit)
        }
    }

    /// Active rewards by name, likewise.
    ///
    /// - Throws: `PostgresError`.
    public func rewards(after cursor: String?, limit: Int) async throws -> CatalogPage<Reward> {
        let revision = try await listRevision()
        let key = keys.catalogRewards(page: "\(revision):\(limit):\(cursor ?? "")")
        return try await page(key, isFirst: cursor == nil, revision) {
            try await rows.rewards(after: cursor, limit: limit)
        }
    }

    /// Only first pages are kept: cursors come from outside, and a copy for each would let anybody fill the cache.
    private func page<Item: Codable>(
        _ key: String, isFirst: Bool, _ revision: Int64, _ load: () async throws -> [Item]
    ) async throws -> CatalogPage<Item> {
        guard isFirst else { return CatalogPage(revision: revision, items: try await load()) }
        let page = try await read(key, revision: \.revision) {
            CatalogPage(revision: revision, items: try await load())
        }
        return page ?? CatalogPage(revision: revision, items: [])
    }

    /// The revision that names the copies of lists. While Postgres is away it is the last one that was seen, so that lists
    /// go on being served from the cache.
    private func listRevision() async throws -> Int64 {
        do {
            let revision = try await rows.revision()
            if lastSeen.replace(revision) {
                _ = try? await model.cache.send(["SET", keys.catalogRevision, revision])
            }
            return revision
        } catch let error as PostgresError where error.isOutage {
            if let revision = lastSeen.value { return revision }
            let kept = try? await model.cache.send(["GET", keys.catalogRevision])
            guard let revision = kept?.string.flatMap({ Int64($0) }) else { throw error }
            return revision
        }
    }

    private func read<Value: Codable>(
        _ key: String, revision: (Value) -> Int64, _ load: () async throws -> Value?
    ) async throws -> Value? {
        if let cached = await model.value(key, as: Value.self) { return cached }
        guard let value = try await load() else { return nil }
        await model.store(value, revision: revision(value), under: key)
        return value
    }
}

/// A page of a list, as it stands in the cache.
public struct CatalogPage<Item: Codable & Sendable>: Codable, Sendable {
    public let revision: Int64
    public let items: [Item]
}

/// The last catalog revision that Postgres told.
private final class LastSeen: Sendable {
    private let revision = Mutex<Int64?>(nil)

    var value: Int64? { revision.withLock { $0 } }

    /// - Returns: whether it is another one than before.
    func replace(_ new: Int64) -> Bool {
        revision.withLock { revision in
            defer { revision = new }
            return revision != new
        }
    }
}
