import Domain
import Postgres
import Redis
import Storage
import Streams
import TestSupport
import Testing

@testable import Catalog

@Suite("The projector")
struct ProjectorTests {
    private func text(_ parts: CatalogParts, _ key: String) async throws -> String {
        try await parts.copy(key) ?? "none"
    }

    @Test("Carries a change into every copy, then writes the edition, then forgets the change")
    func carries() async throws {
        try await CatalogParts.with { parts in
            let (quest, projector, keys) = (try await parts.quest(), parts.projector(), parts.keys)
            #expect(try await !projector.isCurrent())
            _ = try await projector.project()
            #expect(try await projector.isCurrent())
            let edition = try #require(try await parts.update(quest, streak: 4).edition)
            #expect(try await !projector.isCurrent())
            #expect(try await projector.project()?.changes == 1)
            for key in [keys.catalogQuest(quest.id), keys.catalogQuestNamed(quest.name), keys.catalogQuests] {
                #expect(try await text(parts, key).contains("\"streak\":4"), "\(key)")
            }
            #expect(try await text(parts, keys.catalogRevision) == edition.description)
            #expect(try await parts.number("SELECT count(*) FROM catalog.outbox") == 0)
            #expect(try await projector.project()?.changes == 0)
        }
    }

    @Test("A name that a quest had before leads nowhere, or to the quest that has it now")
    func renames() async throws {
        try await CatalogParts.with { parts in
            let (quest, projector, keys) = (try await parts.quest(), parts.projector(), parts.keys)
            _ = try await projector.project()
            _ = try await parts.queries().answer(.questNamed(ExactText("UserSignIn")))
            #expect(try await text(parts, keys.catalogQuestNamed("UserSignIn")).contains("UserSignIn"))
            for name in ["Second", "Third"] {
                var change = QuestChange()
                change.name = name
                _ = try await parts.commands.change(quest: quest.id, change, if: .any, by: .commandLine)
            }
            _ = try await projector.project()
            #expect(try await text(parts, keys.catalogQuestNamed("UserSignIn")) == "none")
            #expect(try await text(parts, keys.catalogQuestNamed("Second")) == "none")
            #expect(try await text(parts, keys.catalogQuestNamed("Third")).contains("Third"))
        }
    }

    @Test("Copies of another history are not kept: the database was restored to an earlier state")
    func restored() async throws {
        try await CatalogParts.with { parts in
            let (quest, projector, keys) = (try await parts.quest(), parts.projector(), parts.keys)
            let queries = parts.queries()
            _ = try await projector.project()
            let early = try await parts.rows.edition()
            // The later history: two changes that the backup does not have.
            let later = try await parts.update(quest, streak: 7)
            await queries.wrote(try #require(later.edition))
            await queries.wrote(try #require(try await parts.update(quest, streak: 8).edition))
            #expect(try await queries.answer(.quest(quest.id))?.text.contains("\"streak\":8") == true)
            try await parts.database.client.execute(
                script: """
                    SET session_replication_role = replica;
                    UPDATE catalog.quests SET streak = 3, revision = \(quest.revision);
                    DELETE FROM catalog.quest_versions WHERE revision > \(early.revision);
                    DELETE FROM catalog.editions WHERE revision > \(early.revision);
                    UPDATE catalog.revision SET revision = \(early.revision), edition = '\(early.id)';
                    SET session_replication_role = origin;
                    """)
            // As a relay does.
            #expect(try await !projector.isCurrent())
            _ = try await projector.project()
            #expect(try await text(parts, keys.catalogRevision) == early.description)
            #expect(try await text(parts, keys.catalogQuest(quest.id)) == "none")
            try await eventually("the front that has seen the later state reads the earlier one") {
                try await queries.answer(.quest(quest.id))?.text.contains("\"streak\":3") == true
            }
            // Another change reaches a number that the lost history had, too.
            await queries.wrote(try #require(try await parts.update(quest, streak: 5).edition))
            #expect(try await queries.answer(.quest(quest.id))?.text.contains("\"streak\":5") == true)
            #expect(try await parts.queries().answer(.quest(quest.id))?.text.contains("\"streak\":5") == true)
        }
    }

    @Test("Changes that another one took away without writing the edition are found to be missing")
    func gaps() async throws {
        try await CatalogParts.with { parts in
            let (quest, projector, keys) = (try await parts.quest(), parts.projector(), parts.keys)
            _ = try await projector.project()
            _ = try await parts.queries().answer(.quest(quest.id))
            _ = try await parts.update(quest, streak: 4)
            _ = try await parts.database.client.query("DELETE FROM catalog.outbox")
            _ = try await projector.project()
            #expect(try await text(parts, keys.catalogQuest(quest.id)) == "none")
            #expect(try await projector.isCurrent())
        }
    }

    @Test("Many at once end with the last edition, and none before its changes are carried")
    func contested() async throws {
        try await CatalogParts.with { parts in
            let (quest, keys) = (try await parts.quest(), parts.keys)
            _ = try await parts.projector().project()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for worker in 0..<3 {
                    group.addTask {
                        let projector = parts.projector()
                        for round in 0..<10 {
                            let streak = Int32(100 + worker * 10 + round)
                            let edition = try await parts.update(quest, streak: streak).edition
                            _ = try await projector.project()
                            let told = try await projector.revision.current()
                            #expect((told?.revision ?? 0) >= (edition?.revision ?? .max))
                        }
                    }
                }
                try await group.waitForAll()
            }
            let last = try await parts.quest()
            #expect(try await text(parts, keys.catalogQuest(quest.id)) == last.document.text)
            #expect(try await text(parts, keys.catalogRevision) == "\(try await parts.rows.edition())")
        }
    }

    @Test("A front leaves it to the one who is at it; a relay takes it over from one who has stopped")
    func stopped() async throws {
        try await CatalogParts.with { parts in
            let projector = parts.projector()
            _ = try await projector.revision.begin(stealing: true)
            #expect(try await projector.project(stealing: false) == nil)
            #expect(try await projector.project(stealing: true)?.edition == (try await parts.rows.edition()))
        }
    }

    @Test("A rebuild makes every copy, removes what nothing has, and counts")
    func rebuild() async throws {
        try await CatalogParts.with { parts in
            let (quest, projector, keys) = (try await parts.quest(), parts.projector(), parts.keys)
            _ = try await parts.cache.send(["SET", keys.catalogQuest(.random()), "{}"])
            _ = try await parts.cache.send(["SET", keys.catalogQuestNamed("[gone]*"), "{}"])
            _ = try await parts.cache.send(["SET", keys.catalogQuest(quest.id), "{\"revision\":99}"])
            _ = try await parts.cache.send(["SET", keys.catalogBook(.random()), "kept"])
            let rebuilt = try await projector.rebuild()
            #expect(rebuilt.quests == 1 && rebuilt.rewards == 1 && rebuilt.removed == 2)
            #expect(rebuilt.edition == (try await parts.rows.edition()))
            for key in [
                keys.catalogQuest(quest.id), keys.catalogQuestNamed(quest.name), keys.catalogReward(quest.rewardID),
                keys.catalogQuests, keys.catalogRewards,
            ] {
                #expect(try await text(parts, key).contains("\"revision\":"), "\(key)")
                #expect(try await !text(parts, key).contains("\"revision\":99"), "\(key)")
            }
            #expect(try await projector.isCurrent())
            let books = try await parts.cache.send(["KEYS", "\(keys.catalogBooks)*"]).count
            #expect(books == 1)
        }
    }
}
