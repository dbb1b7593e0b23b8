import Catalog
import Domain
import Postgres
import Redis
import Storage
import Streams
import TestSupport
import Testing

@Suite("Changes of the catalog")
struct CatalogCommandsTests {
    private func event(_ person: Identifier) -> SignInEvent {
        SignInEvent(id: .timeOrdered(at: .now), type: .signIn, userID: person, occurredAt: .now)
    }

    @Test("A change, its version, its outbox row and its audit row are one")
    func oneTransaction() async throws {
        try await CatalogParts.with { parts in
            let quest = try await parts.quest()
            _ = try await parts.database.client.query("DELETE FROM catalog.outbox")
            var change = QuestChange()
            change.streak = 5
            change.description = "five \"times\"\n"
            let admin = Identifier.random()
            _ = try await Users(parts.database.client).create(id: admin, name: "root", passwordHash: "-", role: .admin)
            let written = try await parts.commands.change(
                quest: quest.id, change, if: .tags([quest.document.tag]), by: .person(admin, requestID: "r1"))
            #expect(written.item.streak == 5 && written.item.name == quest.name)
            #expect(written.item.revision == written.edition?.revision)
            #expect(written.edition == (try await parts.rows.edition()))
            let audit = try #require(
                try await parts.database.client.query(
                    """
                    SELECT actor, action, subject, request_id, details->'old'->>'streak', details->'new'->>'streak',
                        details->'new'->>'description', (SELECT count(*) FROM jsonb_object_keys(details->'new'))
                    FROM auth.audit_log
                    """
                ).first)
            #expect(try audit.decode(0) == "root" && audit.decode(1) == "quest.update")
            #expect(try audit.decode(2) == quest.id.description && audit.decode(3) == "r1")
            #expect(try audit.decode(4) == "3" && audit.decode(5) == "5" && audit.decode(6) == "five \"times\"\n")
            #expect(try audit.decode(7, as: Int64.self) == 2)
            #expect(try await parts.number("SELECT count(*) FROM catalog.quest_versions") == 2)
            #expect(try await parts.number("SELECT count(*) FROM catalog.outbox") == 1)
            // Nothing of one that is refused at the end.
            let taken = QuestChange { $0.name = "Taken" }
            _ = try await parts.commands.create(
                NewQuest(
                    name: "Taken", description: "", eventType: "UserSignIn", streak: 1, duplication: 1, autoClaim: true,
                    rewardID: quest.rewardID), by: .commandLine)
            let before = try await parts.rows.edition()
            await #expect(throws: CatalogRefusal.nameTaken) {
                _ = try await parts.commands.change(quest: quest.id, taken, if: .any, by: .commandLine)
            }
            #expect(try await parts.rows.edition() == before)
            #expect(try await parts.number("SELECT count(*) FROM auth.audit_log") == 2)
        }
    }

    @Test("What changes nothing raises no revision and is not audited")
    func nothing() async throws {
        try await CatalogParts.with { parts in
            let (quest, before) = (try await parts.quest(), try await parts.rows.edition())
            let written = try await parts.update(quest, streak: quest.streak)
            #expect(written.edition == nil && written.item == quest)
            #expect(try await parts.rows.edition() == before)
            #expect(try await parts.number("SELECT count(*) FROM auth.audit_log") == 0)
            // Another spelling of the same letters is a change.
            var change = QuestChange()
            change.name = "caf\u{e9}"
            _ = try await parts.commands.change(quest: quest.id, change, if: .any, by: .commandLine)
            change.name = "cafe\u{301}"
            #expect(
                try await parts.commands.change(quest: quest.id, change, if: .any, by: .commandLine).edition != nil)
        }
    }

    @Test("Of two changes for the same state one is made, and the other is told that it is stale")
    func concurrent() async throws {
        try await CatalogParts.with { parts in
            for round in 0..<10 {
                let quest = try await parts.quest()
                let outcomes = try await withThrowingTaskGroup(of: Bool.self) { group in
                    for side in 0..<4 {
                        group.addTask {
                            var change = QuestChange()
                            change.streak = Int32(10 + round * 4 + side)
                            do {
                                _ = try await parts.commands.change(
                                    quest: quest.id, change, if: .tags([quest.document.tag]), by: .commandLine)
                                return true
                            } catch CatalogRefusal.stale {
                                return false
                            }
                        }
                    }
                    return try await group.reduce(into: [Bool]()) { $0.append($1) }
                }
                #expect(outcomes.count { $0 } == 1)
            }
        }
    }

    @Test("Rewards: none that is unknown or retired for an active quest, none retired that is in use")
    func rewards() async throws {
        try await CatalogParts.with { parts in
            let (quest, commands) = (try await parts.quest(), parts.commands)
            let retire = RewardChange { $0.active = false }
            await #expect(throws: CatalogRefusal.rewardInUse([quest])) {
                _ = try await commands.change(reward: quest.rewardID, retire, if: .any, by: .commandLine)
            }
            let spare = try await commands.create(NewReward(name: "spare", item: .gold, quantity: 1), by: .commandLine)
            _ = try await commands.change(reward: spare.item.id, retire, if: .any, by: .commandLine)
            let spareChange = QuestChange { $0.rewardID = spare.item.id }
            await #expect(throws: CatalogRefusal.rewardRetired) {
                _ = try await commands.change(quest: quest.id, spareChange, if: .any, by: .commandLine)
            }
            let unknownChange = QuestChange { $0.rewardID = .random() }
            await #expect(throws: CatalogRefusal.rewardUnknown) {
                _ = try await commands.change(quest: quest.id, unknownChange, if: .any, by: .commandLine)
            }
            // With the quest retired the reward may go, and then the quest cannot come back with it.
            var questRetire = QuestChange()
            questRetire.active = false
            _ = try await commands.change(quest: quest.id, questRetire, if: .any, by: .commandLine)
            _ = try await commands.change(reward: quest.rewardID, retire, if: .any, by: .commandLine)
            let back = QuestChange { $0.active = true }
            await #expect(throws: CatalogRefusal.rewardRetired) {
                _ = try await commands.change(quest: quest.id, back, if: .any, by: .commandLine)
            }
            var rewardBack = RewardChange()
            rewardBack.active = true
            _ = try await commands.change(reward: quest.rewardID, rewardBack, if: .any, by: .commandLine)
            #expect(try await commands.change(quest: quest.id, back, if: .any, by: .commandLine).item.active)
            let actions = try await parts.database.client.query("SELECT action FROM auth.audit_log ORDER BY audit_id")
            #expect(
                try actions.map { try $0.decode(0, as: String.self) } == [
                    "reward.create", "reward.retire", "quest.retire", "reward.retire", "reward.update", "quest.update",
                ])
        }
    }

    @Test("Retiring a quest or changing its reward alters nothing that is completed, and counts for what comes")
    func completed() async throws {
        try await CatalogParts.with { parts in
            let (quest, person) = (try await parts.quest(), Identifier.random())
            let (store, books) = (
                EventStore(parts.database.client),
                QuestBooks(rows: parts.rows, cache: parts.cache, keys: parts.keys)
            )
            func signIn(_ times: Int) async throws -> [Completion] {
                let book = try #require(try await books.current())
                return try await store.record((0..<times).map { _ in event(person) }, under: book).completions
            }
            let first = try await signIn(3)
            #expect(first.map(\.rewardQuantity) == [10])
            let reward = try await parts.commands.create(
                NewReward(name: "gold", item: .gold, quantity: 7), by: .commandLine)
            var change = QuestChange()
            change.rewardID = reward.item.id
            _ = try await parts.commands.change(quest: quest.id, change, if: .any, by: .commandLine)
            let second = try await signIn(3)
            #expect(second.map(\.rewardItem) == [.gold] && second.map(\.rewardQuantity) == [7])
            var retire = QuestChange()
            retire.active = false
            _ = try await parts.commands.change(quest: quest.id, retire, if: .any, by: .commandLine)
            #expect(try await signIn(3).isEmpty)
            let claims = Claims(parts.database.client)
            _ = try await claims.store(first + second)
            let listed = try await claims.list(of: person, limit: 10).map(\.claim).sorted {
                $0.completion < $1.completion
            }
            #expect(listed.map(\.rewardQuantity) == [10, 7] && listed.map(\.rewardItem) == [.diamond, .gold])
            #expect(
                try await parts.number(
                    "SELECT duplication::bigint FROM processing.user_quest_rewards WHERE user_id = \(person)") == 2)
        }
    }

    @Test("A batch that does not let go is waited for, but not for long")
    func busy() async throws {
        try await CatalogParts.with { parts in
            let quest = try await parts.quest()
            let other = try parts.database.another()
            defer { other.close() }
            try await other.transaction(operation: "hold the catalog") { transaction in
                _ = try await transaction.query("SELECT pg_advisory_xact_lock_shared(catalog.advisory_key())")
                let began = ContinuousClock.now
                await #expect(throws: CatalogRefusal.busy) { _ = try await parts.update(quest, streak: 9) }
                #expect(.now - began >= .milliseconds(1_900))
            }
            #expect(try await parts.update(quest, streak: 9).item.streak == 9)
        }
    }
}

extension QuestChange {
    init(_ fill: (inout QuestChange) -> Void) {
        self.init()
        fill(&self)
    }
}

extension RewardChange {
    init(_ fill: (inout RewardChange) -> Void) {
        self.init()
        fill(&self)
    }
}
