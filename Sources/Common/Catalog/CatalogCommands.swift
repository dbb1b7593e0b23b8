import Domain
import Postgres
import Storage

/// Changes of the catalog.
///
/// Each is one transaction that holds the catalog against batches and other changes: the precondition is compared with the
/// row as it is then; the new revision, the version, the outbox row and the audit row are written together, or nothing is.
/// What changes nothing raises no revision and writes no audit row.
public struct CatalogCommands: Sendable {
    private let postgres: PostgresClient

    public init(_ postgres: PostgresClient) {
        self.postgres = postgres
    }

    /// - Throws: `CatalogRefusal`, `PostgresError`; after one whose `outcomeIsUnknown`, the quest may be there.
    public func create(_ new: NewQuest, by actor: Actor) async throws -> CatalogWritten<Quest> {
        let quest = Quest(
            id: .timeOrdered(at: .now), name: new.name, description: new.description, eventType: new.eventType,
            streak: new.streak, duplication: new.duplication, autoClaim: new.autoClaim, rewardID: new.rewardID,
            active: true, revision: 0)
        return try await holding("create a quest") { catalog in
            try await CatalogCommands.requireReward(of: quest, catalog)
            let audit = CatalogAudit(of: CatalogJSON(of: quest)).entry("quest.create", quest.id, by: actor)
            let written = try await catalog.write(quest, isNew: true, audit)
            return CatalogWritten(item: written.quest, edition: written.edition)
        }
    }

    /// - Throws: as the other.
    public func create(_ new: NewReward, by actor: Actor) async throws -> CatalogWritten<Reward> {
        let reward = Reward(
            id: .timeOrdered(at: .now), name: new.name, item: new.item, quantity: new.quantity, revision: 0)
        return try await holding("create a reward") { catalog in
            let audit = CatalogAudit(of: CatalogJSON(of: reward)).entry("reward.create", reward.id, by: actor)
            let written = try await catalog.write(reward, isNew: true, audit)
            return CatalogWritten(item: written.reward, edition: written.edition)
        }
    }

    /// Changes a quest, retires it, or makes a retired one active again. What was completed before stays as it is.
    ///
    /// - Throws: `CatalogRefusal`, `PostgresError`; after one whose `outcomeIsUnknown`, it may have been changed.
    public func change(
        quest id: Identifier, _ change: QuestChange, if precondition: Precondition, by actor: Actor
    ) async throws -> CatalogWritten<Quest> {
        try await holding("change a quest") { catalog in
            let old = try CatalogCommands.expect(try await catalog.quest(id), precondition)
            let new = change.applied(to: old)
            guard new.document != old.document else { return CatalogWritten(item: old, edition: nil) }
            if new.rewardID != old.rewardID || (new.active && !old.active) {
                try await CatalogCommands.requireReward(of: new, catalog)
            }
            let action = old.active && !new.active ? "quest.retire" : "quest.update"
            let audit = CatalogAudit(from: CatalogJSON(of: old), to: CatalogJSON(of: new)).entry(action, id, by: actor)
            let written = try await catalog.write(new, isNew: false, audit)
            return CatalogWritten(item: written.quest, edition: written.edition)
        }
    }

    /// Changes a reward, retires it, or makes a retired one active again.
    ///
    /// - Throws: as the other.
    public func change(
        reward id: Identifier, _ change: RewardChange, if precondition: Precondition, by actor: Actor
    ) async throws -> CatalogWritten<Reward> {
        try await holding("change a reward") { catalog in
            let old = try CatalogCommands.expect(try await catalog.reward(id), precondition)
            let new = change.applied(to: old)
            guard new.document != old.document else { return CatalogWritten(item: old, edition: nil) }
            if old.active && !new.active {
                let users = try await catalog.activeQuests(paying: id)
                guard users.isEmpty else { throw CatalogRefusal.rewardInUse(users) }
            }
            let action = old.active && !new.active ? "reward.retire" : "reward.update"
            let audit = CatalogAudit(from: CatalogJSON(of: old), to: CatalogJSON(of: new)).entry(action, id, by: actor)
            let written = try await catalog.write(new, isNew: false, audit)
            return CatalogWritten(item: written.reward, edition: written.edition)
        }
    }

    private static func expect<Item: CatalogItem>(_ item: Item?, _ precondition: Precondition) throws -> Item {
        guard let item else { throw CatalogRefusal.missing }
        guard precondition.holds(for: item.document) else {
            throw CatalogRefusal.stale(tag: item.document.tag, revision: item.revision)
        }
        return item
    }

    private static func requireReward(of quest: Quest, _ catalog: CatalogTransaction) async throws {
        guard let reward = try await catalog.reward(quest.rewardID) else { throw CatalogRefusal.rewardUnknown }
        guard reward.active else { throw CatalogRefusal.rewardRetired }
    }

    private func holding<Value: Sendable>(
        _ operation: String, _ body: @Sendable (CatalogTransaction) async throws -> Value
    ) async throws -> Value {
        do {
            return try await CatalogTransaction.run(postgres, operation: operation, body)
        } catch let error as PostgresError where error.sqlState == "23505" {
            throw CatalogRefusal.nameTaken
        } catch let error as PostgresError where error.sqlState == "55P03" {
            throw CatalogRefusal.busy
        }
    }
}

/// What the audit log says about a change: `{"old": {…}, "new": {…}}` with the values that differ.
struct CatalogAudit {
    private let details: CatalogJSON

    /// Something new.
    init(of new: CatalogJSON) {
        var details = CatalogJSON()
        details.add("new", CatalogAudit.values(of: new).text)
        self.details = details
    }

    init(from old: CatalogJSON, to new: CatalogJSON) {
        let before = Dictionary(old.members.map { ($0.name, ExactText($0.value)) }) { $1 }
        let changed = Set(new.members.filter { before[$0.name] != ExactText($0.value) }.map(\.name))
        var details = CatalogJSON()
        details.add("old", old.keeping(changed.contains).text)
        details.add("new", new.keeping(changed.contains).text)
        self.details = details
    }

    func entry(_ action: String, _ subject: Identifier, by actor: Actor) -> AuditEntry {
        AuditEntry(actor, action, subject: subject.description, details: details.text)
    }

    /// The revision is not known yet, and the subject says the id.
    private static func values(of json: CatalogJSON) -> CatalogJSON {
        json.keeping { !["revision", "quest_id"].contains($0) }
    }
}
