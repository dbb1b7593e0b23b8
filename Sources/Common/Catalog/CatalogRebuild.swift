import Domain
import Redis
import Storage
import Streams

/// What a rebuild has done.
public struct CatalogRebuilt: Sendable, Equatable {
    public let quests: Int
    public let rewards: Int
    /// Copies of what does not exist any more, or under names that nothing has.
    public let removed: Int
    public let edition: CatalogEdition
}

extension Projector {
    /// Throws all copies away and makes every one anew, the lists and the edition too, whatever is there.
    ///
    /// - Throws: `PostgresError`, `RedisError`.
    public func rebuild() async throws -> CatalogRebuilt {
        while true {
            let (known, nonce) = try await revision.begin(stealing: true)
            guard let nonce else { continue }
            let state = try await state(since: known)
            let swept = try await sweep()
            // What is there is read twice: to know which copies to begin, and, after that, what to fill them with.
            let copies = copies(of: try await rows.allQuests().quests, try await rows.allRewards().rewards)
            let nonces = try await begin(copies)
            let (quests, rewards) = (try await rows.allQuests(), try await rows.allRewards())
            var fills = quests.quests.flatMap {
                [fill(keys.catalogQuest($0.id), $0), fill(keys.catalogQuestNamed($0.name), $0)]
            }
            fills += rewards.rewards.map { fill(keys.catalogReward($0.id), $0) }
            fills += [fillList(quests.quests, quests.revision), fillList(rewards.rewards, rewards.revision)]
            for start in stride(from: 0, to: fills.count, by: Projector.chunk) {
                try await fill(Array(fills[start..<min(start + Projector.chunk, fills.count)]), nonces)
            }
            // Somebody else may have begun to carry a change meanwhile.
            guard try await revision.fill(state.edition, nonce: nonce, isOtherHistory: !state.isDescendant) else {
                continue
            }
            try await finish(state)
            return CatalogRebuilt(
                quests: quests.quests.count, rewards: rewards.rewards.count,
                removed: swept.subtracting(fills.map { ExactText($0.key) }).count, edition: state.edition)
        }
    }

    /// Removes all copies, and takes the right to fill them from everybody.
    ///
    /// Leases go first: whoever takes one from then on reads what is there now, so nothing old comes after the copies
    /// are looked for.
    ///
    /// - Returns: the copies that were there.
    /// - Throws: `RedisError`.
    @discardableResult
    func sweep() async throws -> Set<ExactText> {
        let own = keys.catalogLease(of: keys.catalogRevision)
        try await remove(try await found(keys.catalogLeases).subtracting([ExactText(own)]))
        let copies = try await found(keys.catalogCopies).filter { key in
            key.text != keys.catalogRevision && !key.text.hasPrefix(keys.catalogLeases)
                && !key.text.hasPrefix(keys.catalogBooks)
        }
        try await remove(copies)
        return copies
    }

    private func copies(of quests: [Quest], _ rewards: [Reward]) -> [String] {
        quests.flatMap { [keys.catalogQuest($0.id), keys.catalogQuestNamed($0.name)] }
            + rewards.map { keys.catalogReward($0.id) } + [keys.catalogQuests, keys.catalogRewards]
    }

    /// The keys that begin with `prefix`.
    private func found(_ prefix: String) async throws -> Set<ExactText> {
        let pattern = prefix.map { "*?[]\\".contains($0) ? "\\\($0)" : "\($0)" }.joined() + "*"
        var (keys, cursor): (Set<ExactText>, String) = ([], "0")
        repeat {
            let page = try await model.cache.send(["SCAN", cursor, "MATCH", pattern, "COUNT", 1_000])
            keys.formUnion(page[1]?.elements.compactMap(\.string).map { ExactText($0) } ?? [])
            cursor = page[0]?.string ?? "0"
        } while cursor != "0"
        return keys
    }

    private func remove(_ found: Set<ExactText>) async throws {
        let keys = found.map(\.text)
        for start in stride(from: 0, to: keys.count, by: 1_000) {
            let chunk: [any RedisArgument] = Array(keys[start..<min(start + 1_000, keys.count)])
            _ = try await model.cache.send(RedisCommand("UNLINK", chunk))
        }
    }
}
