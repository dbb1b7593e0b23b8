import Domain
import Redis
import Storage
import Streams

/// Carries changes of the catalog's tables into the read models.
public struct Projector: Sendable {
    private let outbox: CatalogOutbox
    private let rows: QuestRows
    private let model: ReadModel
    private let streams: RedisClient
    private let cache: RedisClient
    private let keys: StreamKeys

    public init(outbox: CatalogOutbox, rows: QuestRows, cache: RedisClient, streams: RedisClient, keys: StreamKeys) {
        self.outbox = outbox
        self.rows = rows
        self.cache = cache
        self.streams = streams
        self.keys = keys
        model = ReadModel(cache: cache)
    }

    /// Rewrites the copies of what changed, tells everybody the revision, and removes the outbox rows.
    ///
    /// - Returns: how many changes were carried over.
    /// - Throws: `PostgresError`, and `RedisError` when the cache is away: the rows then stay.
    public func project() async throws -> Int {
        try await outbox.take { changes in
            for change in changes {
                switch change.subject {
                case .quest: try await copyQuest(change.subjectID)
                case .reward: try await copyReward(change.subjectID)
                }
            }
            if let revision = changes.map(\.revision).max() {
                // A hint: whoever misses it finds the revision in Postgres.
                _ = try? await streams.send(["PUBLISH", keys.changed, "catalog \(revision)"])
            }
        }
    }

    private func copyQuest(_ id: Identifier) async throws {
        guard let quest = try await rows.quest(id) else { return }
        try await model.fill(quest, revision: quest.revision, under: keys.catalogQuest(id))
        try await model.fill(quest, revision: quest.revision, under: keys.catalogQuestNamed(quest.name))
    }

    private func copyReward(_ id: Identifier) async throws {
        guard let reward = try await rows.reward(id) else { return }
        try await model.fill(reward, revision: reward.revision, under: keys.catalogReward(id))
    }
}
