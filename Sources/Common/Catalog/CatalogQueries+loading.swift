import Domain
import FoundationEssentials
import Metrics
import Postgres
import Redis
import Storage
import Streams
import Synchronization

/// Reading what is not in memory: a copy in Redis, or Postgres.
extension CatalogQueries {
    func load(
        _ question: CatalogQuestion, under edition: CatalogEdition, _ lowest: Int64
    ) async throws -> CatalogDocument? {
        let key = FlightKey(question: question, edition: edition, lowest: lowest)
        return try await documents.join(key) {
            let answer = try await self.read(question, under: edition, lowest)
            self.memory.withLock { $0.remember(answer, to: question, of: edition) }
            return answer
        }
    }

    /// From Postgres, together with whoever asked the same less than 100 ms ago and after the last change made here.
    func readThrough(_ question: CatalogQuestion, _ lowest: Int64) async throws -> CatalogDocument? {
        let key = FlightKey(question: question, edition: nil, lowest: lowest)
        return try await documents.join(key, notBefore: .now - CatalogMemory.trust) {
            try await self.read(question, under: nil, lowest)
        }
    }

    /// - Parameter edition: nil to leave the cache alone.
    private func read(
        _ question: CatalogQuestion, under edition: CatalogEdition?, _ lowest: Int64
    ) async throws -> CatalogDocument? {
        let keys = projector.keys
        switch question {
        case .quest(let id):
            return try await item(keys.catalogQuest(id), under: edition) { try await self.rows.quest(id) }
        case .questNamed(let name):
            return try await item(keys.catalogQuestNamed(name.text), under: edition) {
                try await self.rows.quest(named: name.text)
            }
        case .reward(let id):
            return try await item(keys.catalogReward(id), under: edition) { try await self.rows.reward(id) }
        case .quests(let cursor, let limit, let eventType, let withRetired):
            let key = FlightKey(
                question: .quests(after: nil, limit: 0, eventType: nil, withRetired: true), edition: edition,
                lowest: lowest)
            let list = try await questLists.join(key, notBefore: edition == nil ? .now - CatalogMemory.trust : nil) {
                if let edition, let list: CatalogList<Quest> = self.memory.withLock({ $0.list(of: edition) }) {
                    return list
                }
                let list = try await self.list(keys.catalogQuests, under: edition) {
                    let all = try await self.rows.allQuests()
                    return CatalogList(revision: all.revision, items: all.quests)
                }
                if let edition { self.memory.withLock { $0.remember(list, of: edition) } }
                return list
            }
            let page = list.page(after: cursor?.text, limit: limit) { quest in
                (quest.active || withRetired) && (eventType.map { $0.text == quest.eventType } ?? true)
            }
            return render.quests(page.items, page.hasMore)
        case .rewards(let cursor, let limit, let withRetired):
            let key = FlightKey(
                question: .rewards(after: nil, limit: 0, withRetired: true), edition: edition, lowest: lowest)
            let list = try await rewardLists.join(key, notBefore: edition == nil ? .now - CatalogMemory.trust : nil) {
                if let edition, let list: CatalogList<Reward> = self.memory.withLock({ $0.list(of: edition) }) {
                    return list
                }
                let list = try await self.list(keys.catalogRewards, under: edition) {
                    let all = try await self.rows.allRewards()
                    return CatalogList(revision: all.revision, items: all.rewards)
                }
                if let edition { self.memory.withLock { $0.remember(list, of: edition) } }
                return list
            }
            let page = list.page(after: cursor?.text, limit: limit) { $0.active || withRetired }
            return render.rewards(page.items, page.hasMore)
        }
    }

    private func item<Item: CatalogItem>(
        _ key: String, under edition: CatalogEdition?, _ select: () async throws -> Item?
    ) async throws -> CatalogDocument? {
        let item = try await copy(key, under: edition, revision: \Item.revision) {
            guard let item = try await select() else { return nil }
            return (value: item, revision: item.revision, document: item.document)
        }
        return item?.document
    }

    private func list<Item: CatalogItem>(
        _ key: String, under edition: CatalogEdition?, _ select: () async throws -> CatalogList<Item>
    ) async throws -> CatalogList<Item> {
        let list = try await copy(key, under: edition, revision: \CatalogList<Item>.revision) {
            let list = try await select()
            return (value: list, revision: list.revision, document: list.document)
        }
        return list ?? CatalogList(revision: 0, items: [])
    }

    /// The copy under `key`; or what Postgres has, which is then stored, unless somebody who knows better forbids it.
    private func copy<Value: Decodable & Sendable>(
        _ key: String, under edition: CatalogEdition?, revision: (Value) -> Int64,
        _ select: () async throws -> (value: Value, revision: Int64, document: CatalogDocument)?
    ) async throws -> Value? {
        let model = projector.model
        var nonce: String?
        // If there is no answer Postgres will do; whether the cache is away, the next confirmation finds out.
        if edition != nil, let look = await asked({ try await model.look(key) }) {
            switch look {
            case .copy(let bytes):
                if let value = try? JSONDecoder().decode(Value.self, from: Data(bytes)) {
                    // Copies come before the edition: this one may be newer than what was confirmed.
                    saw(revision(value))
                    metrics.redis.increment()
                    return value
                }
            case .missing(let given): nonce = given
            }
        }
        metrics.postgres.increment()
        let selected = try await select()
        if let selected { saw(selected.revision) }
        if let nonce {
            let fill = ReadModel.Fill(key: key, document: selected?.document, revision: selected?.revision ?? 0)
            _ = await asked { try await model.fill([fill], nonce: nonce) }
        }
        return selected?.value
    }
}
