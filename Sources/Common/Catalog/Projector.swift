import Domain
import Postgres
import Redis
import Storage
import Streams

/// Carries changes of the catalog's tables into the read models.
///
/// The orders matter: the right to write the edition is taken first, then Postgres is read once for the edition and
/// everything that is not carried yet, then the copies are replaced, then the edition is written. So whoever reads an
/// edition in the cache finds no copy that is older. Any number of processes may do it at once, for the same changes too.
public struct Projector: Sendable {
    /// Others may take over the right to write the edition so often.
    private static let tries = 20
    /// So many copies are replaced by one script.
    static let chunk = 200

    private let outbox: CatalogOutbox
    private let streams: RedisClient
    let rows: QuestRows
    let model: ReadModel
    let revision: RevisionModel
    let keys: StreamKeys

    public init(outbox: CatalogOutbox, rows: QuestRows, cache: RedisClient, streams: RedisClient, keys: StreamKeys) {
        self.outbox = outbox
        self.rows = rows
        self.streams = streams
        self.keys = keys
        model = ReadModel(cache: cache, keys: keys)
        revision = RevisionModel(cache: cache, keys: keys)
    }

    /// Brings the copies to the catalog's present state if they are not there, tells everybody, and removes the outbox
    /// rows. When it returns, the edition in the cache is the one that was current at some moment since the call, or a
    /// later one.
    ///
    /// - Parameter stealing: whether to go on where somebody else is at it, who may have stopped. Without it nothing is
    ///   done then.
    /// - Returns: how many changes were carried, and the edition; nil if somebody else is at it.
    /// - Throws: `PostgresError`, and `RedisError` when the cache is away: the rows then stay.
    @discardableResult
    public func project(stealing: Bool = true) async throws -> (changes: Int, edition: CatalogEdition)? {
        for attempt in 0..<Projector.tries {
            let (known, nonce) = try await revision.begin(stealing: stealing)
            guard let nonce else { return nil }
            let state = try await outbox.state(since: known)
            let isCarried = known == state.edition && state.changes.isEmpty
            if !isCarried {
                if state.follows(known) {
                    try await carry(state.changes)
                } else {
                    // Nobody can tell which copies are right: none is kept.
                    try await sweep()
                }
            }
            if try await revision.fill(state.edition, nonce: nonce, isOtherHistory: !state.isDescendant) {
                if !isCarried { try await finish(state) }
                return (changes: state.changes.count, edition: state.edition)
            }
            guard stealing else { return nil }
            try await Task.sleep(for: .milliseconds(Int.random(in: 1...2 + attempt * 2)))
        }
        throw RedisError(.unavailable, "raise the catalog revision", "others do it at the same time")
    }

    /// Whether the copies are at the catalog's present state.
    ///
    /// - Throws: `PostgresError`, `RedisError`.
    public func isCurrent() async throws -> Bool {
        let known = try await revision.current()
        let state = try await outbox.state(since: known)
        return known == state.edition && state.changes.isEmpty
    }

    func finish(_ state: CatalogState) async throws {
        if let last = state.last { try await outbox.remove(through: last) }
        // A hint: whoever misses it finds the edition in the cache, or in Postgres.
        _ = try? await streams.send(["PUBLISH", keys.changed, "catalog \(state.edition.revision)"])
    }

    func state(since known: CatalogEdition?) async throws -> CatalogState {
        try await outbox.state(since: known)
    }

    private func carry(_ changes: [CatalogChange]) async throws {
        let quests = changes.filter { $0.subject == .quest }
        if let first = quests.map(\.revision).min() {
            let ids = Set(quests.map(\.subjectID))
            // Of a quest that has another name now, the copy under the old one goes.
            let names = try await rows.names(of: Array(ids), since: first)
            let nonces = try await begin(
                ids.map(keys.catalogQuest) + names.map(keys.catalogQuestNamed) + [keys.catalogQuests])
            let all = try await rows.allQuests()
            let byID = Dictionary(all.quests.map { ($0.id, $0) }) { $1 }
            let byName = Dictionary(all.quests.map { (ExactText($0.name), $0) }) { $1 }
            var fills = ids.map { fill(keys.catalogQuest($0), byID[$0]) }
            fills += names.map { fill(keys.catalogQuestNamed($0), byName[ExactText($0)]) }
            fills.append(fillList(all.quests, all.revision))
            try await fill(fills, nonces)
        }
        let rewards = Set(changes.filter { $0.subject == .reward }.map(\.subjectID))
        if !rewards.isEmpty {
            let nonces = try await begin(rewards.map(keys.catalogReward) + [keys.catalogRewards])
            let all = try await rows.allRewards()
            let byID = Dictionary(all.rewards.map { ($0.id, $0) }) { $1 }
            try await fill(
                rewards.map { fill(keys.catalogReward($0), byID[$0]) } + [fillList(all.rewards, all.revision)],
                nonces)
        }
    }

    // MARK: Parts that the rebuild uses, too

    /// - Returns: the nonce of each copy.
    func begin(_ copies: [String]) async throws -> [ExactText: String] {
        var nonces: [ExactText: String] = [:]
        for start in stride(from: 0, to: copies.count, by: Projector.chunk) {
            let chunk = Array(copies[start..<min(start + Projector.chunk, copies.count)])
            let nonce = try await model.begin(chunk)
            for copy in chunk { nonces[ExactText(copy)] = nonce }
        }
        return nonces
    }

    /// Fills those copies that were begun.
    ///
    /// - Returns: how many were stored.
    @discardableResult
    func fill(_ fills: [ReadModel.Fill], _ nonces: [ExactText: String]) async throws -> Int {
        var stored = 0
        for (nonce, fills) in Dictionary(grouping: fills, by: { nonces[ExactText($0.key)] }) {
            guard let nonce else { continue }
            stored += try await model.fill(fills, nonce: nonce)
        }
        return stored
    }

    func fill(_ key: String, _ quest: Quest?) -> ReadModel.Fill {
        ReadModel.Fill(key: key, document: quest.map { CatalogDocument($0) }, revision: quest?.revision ?? 0)
    }

    func fill(_ key: String, _ reward: Reward?) -> ReadModel.Fill {
        ReadModel.Fill(key: key, document: reward.map { CatalogDocument($0) }, revision: reward?.revision ?? 0)
    }

    func fillList(_ quests: [Quest], _ revision: Int64) -> ReadModel.Fill {
        ReadModel.Fill(
            key: keys.catalogQuests, document: CatalogList(revision: revision, items: quests).document,
            revision: revision)
    }

    func fillList(_ rewards: [Reward], _ revision: Int64) -> ReadModel.Fill {
        ReadModel.Fill(
            key: keys.catalogRewards, document: CatalogList(revision: revision, items: rewards).document,
            revision: revision)
    }
}
