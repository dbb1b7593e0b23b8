import Domain
import Logging
import Postgres
import Redis
import Storage
import Streams
import TestSupport
import Testing

@testable import Catalog

@Suite("Reads of the catalog")
struct CatalogQueriesTests {
    @Test("By id, by name and as lists, from the copies; what nobody has is nothing")
    func reads() async throws {
        try await CatalogParts.with { parts in
            let (quest, queries, keys) = (try await parts.quest(), parts.queries(), parts.keys)
            #expect(try await queries.answer(.quest(quest.id)) == quest.document)
            #expect(try await queries.answer(.questNamed(ExactText("UserSignIn"))) == quest.document)
            #expect(try await queries.answer(.reward(quest.rewardID))?.text.contains("\"reward_qty\":10") == true)
            #expect(try await queries.answer(.quest(.random())) == nil)
            #expect(try await queries.answer(.questNamed(ExactText("Nobody"))) == nil)
            let all = CatalogQuestion.quests(after: nil, limit: 10, eventType: nil, withRetired: false)
            #expect(try await queries.answer(all)?.text == "[\"UserSignIn\"] false")
            let marked = quest.document.text.replacing("\"streak\":3", with: "\"streak\":33")
            _ = try await parts.cache.send(["SET", keys.catalogQuest(quest.id), marked])
            #expect(try await parts.queries().answer(.quest(quest.id))?.text == marked)
            #expect(try await parts.cache.send(["KEYS", "\(keys.catalogLeases)*"]).count == 0)
        }
    }

    @Test("Pages follow one another by the bytes of the names, for any cursor, filtered as asked")
    func pages() async throws {
        try await CatalogParts.with { parts in
            let quest = try await parts.quest()
            for (name, type) in [("b", "LevelUp"), ("a", "UserSignIn"), ("Z", "LevelUp"), ("ä", "UserSignIn")] {
                _ = try await parts.commands.create(
                    NewQuest(
                        name: name, description: "", eventType: type, streak: 1, duplication: 1, autoClaim: false,
                        rewardID: quest.rewardID), by: .commandLine)
            }
            var retire = QuestChange()
            retire.active = false
            let b = try #require(try await parts.rows.quest(named: "b"))
            _ = try await parts.commands.change(quest: b.id, retire, if: .any, by: .commandLine)
            let queries = parts.queries()
            func page(_ after: String?, _ limit: Int, _ type: String? = nil, retired: Bool = false) async throws
                -> String?
            {
                try await queries.answer(
                    .quests(
                        after: after.map { ExactText($0) }, limit: limit, eventType: type.map { ExactText($0) },
                        withRetired: retired))?.text
            }
            #expect(try await page(nil, 2) == "[\"UserSignIn\", \"Z\"] true")
            #expect(try await page("Z", 2) == "[\"a\", \"ä\"] false")
            #expect(try await page("Zz", 1) == "[\"a\"] true")
            #expect(try await page("ä", 5) == "[] false")
            #expect(try await page(nil, 5, "LevelUp") == "[\"Z\"] false")
            #expect(try await page(nil, 5, "LevelUp", retired: true) == "[\"Z\", \"b\"] false")
            let list = CatalogList(
                revision: 1,
                items: (0..<40).map {
                    Reward(id: .random(), name: "n\($0 + 10)", item: .gold, quantity: 1, revision: 1)
                })
            for start in 0...40 {
                let cursor = start == 0 ? nil : "n\(start + 9)"
                #expect(
                    list.page(after: cursor, limit: 100) { _ in true }.items.map(\.name)
                        == (start..<40).map { "n\($0 + 10)" })
            }
        }
    }

    @Test("1,000 who miss at once make one query")
    func singleFlight() async throws {
        try await CatalogParts.with { parts in
            let (quest, queries) = (try await parts.quest(), parts.queries())
            _ = try await parts.projector().project()
            _ = try await parts.cache.send(["DEL", parts.keys.catalogQuest(quest.id)])
            let before = try await parts.scans()
            let answers = try await withThrowingTaskGroup(of: CatalogDocument?.self) { group in
                for _ in 0..<1_000 { group.addTask { try await queries.answer(.quest(quest.id)) } }
                return try await group.reduce(into: [CatalogDocument?]()) { $0.append($1) }
            }
            #expect(answers.count == 1_000 && answers.allSatisfy { $0 == quest.document })
            let after = try await parts.scans()
            #expect(after == before + 1)
        }
    }

    @Test("Without Redis Postgres answers, at once, and the newest; many share a reading")
    func away() async throws {
        try await CatalogParts.with { parts in
            let quest = try await parts.quest()
            let nobody = RedisClient(try RedisConfiguration(url: "redis://127.0.0.1:1"), logger: Logger(label: "test"))
            let queries = parts.queries(cache: nobody)
            #expect(try await queries.answer(.quest(quest.id)) == quest.document)
            for streak in Int32(4)...8 {
                let written = try await parts.update(quest, streak: streak)
                await queries.wrote(try #require(written.edition))
                #expect(try await queries.answer(.quest(quest.id)) == written.item.document)
                let page = CatalogQuestion.quests(after: nil, limit: 5, eventType: nil, withRetired: false)
                #expect(try await queries.answer(page)?.text == "[\"UserSignIn\"] false")
            }
            // The changes wait for a relay that finds the cache.
            #expect(try await parts.number("SELECT count(*) FROM catalog.outbox") > 0)
            await nobody.close()
        }
    }

    @Test("A front that comes back to an empty cache restores it with what is asked of it")
    func restoresByTraffic() async throws {
        try await CatalogParts.with { parts in
            let (quest, queries, keys) = (try await parts.quest(), parts.queries(), parts.keys)
            _ = try await queries.answer(.quest(quest.id))
            try await parts.flush()
            try await eventually("the copy and the edition are there again", every: .milliseconds(5)) {
                _ = try await queries.answer(.quest(quest.id))
                _ = try await parts.queries().answer(.quest(quest.id))
                let copy = try await parts.copy(keys.catalogQuest(quest.id))
                let (told, edition) = (try await parts.copy(keys.catalogRevision), try await parts.rows.edition())
                return copy == quest.document.text && told == edition.description
            }
        }
    }

    @Test("A reader who is under way while its front answers a change keeps nothing old, and nobody joins it")
    func changeDuringARead() async throws {
        try await CatalogParts.with { parts in
            let (quest, queries) = (try await parts.quest(), parts.queries())
            _ = try await parts.projector().project()
            for round in 0..<30 {
                _ = try await parts.cache.send(["DEL", parts.keys.catalogQuest(quest.id)])
                let readers = Task {
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        for _ in 0..<20 { group.addTask { _ = try await queries.answer(.quest(quest.id)) } }
                        try await group.waitForAll()
                    }
                }
                let written = try await parts.update(quest, streak: Int32(10 + round))
                await queries.wrote(try #require(written.edition))
                #expect(try await queries.answer(.quest(quest.id)) == written.item.document)
                try await readers.value
                #expect(try await queries.answer(.quest(quest.id)) == written.item.document)
            }
        }
    }

    @Test("What was answered from Postgres while the cache was behind is not taken back")
    func neverBack() async throws {
        try await CatalogParts.with { parts in
            let (quest, queries, keys) = (try await parts.quest(), parts.queries(), parts.keys)
            #expect(try await queries.answer(.quest(quest.id)) == quest.document)
            // A front that stops between its commit and the copies: nobody carries the change.
            let written = try await parts.update(quest, streak: 9)
            #expect(try await queries.answer(.questNamed(ExactText(quest.name))) == written.item.document)
            #expect(try await queries.answer(.quest(quest.id)) == written.item.document)
            #expect(try await parts.copy(keys.catalogQuest(quest.id)) == written.item.document.text)
        }
    }

    @Test("Nothing older follows a copy that is already newer than the edition, whoever has stopped in between")
    func neverBackFromCopies() async throws {
        try await CatalogParts.with { parts in
            let (quest, queries, keys) = (try await parts.quest(), parts.queries(), parts.keys)
            let name = CatalogQuestion.questNamed(ExactText(quest.name))
            #expect(try await queries.answer(name) == quest.document)
            let written = try await parts.update(quest, streak: 9)
            _ = try await parts.projector().revision.begin(stealing: true)
            _ = try await parts.cache.send(["SET", keys.catalogQuest(quest.id), written.item.document.text])
            #expect(try await queries.answer(.quest(quest.id)) == written.item.document)
            #expect(try await queries.answer(name) == written.item.document)
        }
    }

    @Test("However many pages are asked for, the list is taken from the cache once")
    func manyPages() async throws {
        try await CatalogParts.with { parts in
            let (queries, keys) = (parts.queries(), parts.keys)
            func ask(_ cursor: String) async throws {
                let cursor = ExactText(cursor)
                _ = try await queries.answer(.quests(after: cursor, limit: 5, eventType: nil, withRetired: false))
                _ = try await queries.answer(.rewards(after: cursor, limit: 5, withRetired: false))
            }
            try await ask("first")
            _ = try await parts.cache.send(["DEL", keys.catalogQuests, keys.catalogRewards])
            for number in 0..<20 { try await ask("\(number)") }
            // Whoever had looked there would have filled it again.
            #expect(try await parts.copy(keys.catalogQuests) == nil)
            #expect(try await parts.copy(keys.catalogRewards) == nil)
        }
    }
}

extension CatalogParts {
    /// How often sessions of this database have searched the table of quests, after those that did have ended.
    func scans() async throws -> Int {
        // A session tells its numbers when it ends, or when it is asked to.
        let name = database.name
        let observer = try database.another(poolSize: 1)
        defer { observer.close() }
        _ = try await observer.query(
            """
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = \(name) AND pid <> pg_backend_pid()
            """)
        try await eventually("they have ended") {
            let rows = try await observer.query(
                """
                SELECT count(*) FROM pg_stat_activity WHERE datname = \(name) AND pid <> pg_backend_pid()
                    AND backend_type = 'client backend'
                """)
            return try rows.first?.decode(0, as: Int64.self) == 0
        }
        let rows = try await observer.query(
            "SELECT seq_scan + coalesce(idx_scan, 0) FROM pg_stat_all_tables WHERE relid = 'catalog.quests'::regclass")
        return Int(try rows.first?.decode(0, as: Int64.self) ?? -1)
    }
}
