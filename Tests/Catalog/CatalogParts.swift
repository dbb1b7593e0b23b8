import Catalog
import Domain
import Logging
import Postgres
import Redis
import Storage
import Streams
import TestSupport
import Testing

/// A catalog with the quest of the example, and a corner of Redis for its copies.
struct CatalogParts: Sendable {
    let database: TestDatabase
    let cache: RedisClient
    let keys: StreamKeys
    let prefix: String

    static func with(_ body: (CatalogParts) async throws -> Void) async throws {
        try await TestDatabase.with { database in
            try await TestRedis.with { redis in
                try await body(
                    CatalogParts(
                        database: database, cache: redis.client, keys: StreamKeys(prefix: redis.prefix),
                        prefix: redis.prefix))
            }
        }
    }

    var rows: QuestRows { QuestRows(database.client) }
    var commands: CatalogCommands { CatalogCommands(database.client) }

    func projector(cache other: RedisClient? = nil) -> Projector {
        Projector(
            outbox: CatalogOutbox(database.client), rows: rows, cache: other ?? cache, streams: other ?? cache,
            keys: keys)
    }

    /// What one front has.
    func queries(cache other: RedisClient? = nil) -> CatalogQueries {
        CatalogQueries(
            rows: rows, projector: projector(cache: other),
            render: .init(
                quests: { items, more in CatalogDocument("\(items.map(\.name)) \(more)") },
                rewards: { items, more in CatalogDocument("\(items.map(\.name)) \(more)") }),
            // Hundreds of tests at once are slow; that is no outage.
            patience: .seconds(20))
    }

    func quest() async throws -> Quest {
        try #require(try await rows.book()?.pages.first?.quest)
    }

    /// Changes the streak and, unless told otherwise, lets nobody know.
    func update(_ quest: Quest, streak: Int32) async throws -> CatalogWritten<Quest> {
        var change = QuestChange()
        change.streak = streak
        return try await commands.change(quest: quest.id, change, if: .any, by: .commandLine)
    }

    /// Removes everything in this corner, as FLUSHALL does.
    func flush() async throws {
        var cursor = "0"
        repeat {
            let page = try await cache.send(["SCAN", cursor, "MATCH", "\(prefix):*", "COUNT", 1_000])
            cursor = page[0]?.string ?? "0"
            let found = page[1]?.elements.compactMap(\.bytes) ?? []
            if !found.isEmpty { _ = try await cache.send(RedisCommand("UNLINK", found)) }
        } while cursor != "0"
    }

    func copy(_ key: String) async throws -> String? {
        try await cache.send(["GET", key]).string
    }

    func number(_ sql: SQL) async throws -> Int {
        Int(try await database.client.query(sql).first?.decode(0, as: Int64.self) ?? -1)
    }
}

extension CatalogDocument {
    var text: String { String(decoding: bytes, as: UTF8.self) }
}
