import Domain
import Redis
import Storage
import Streams
import TestSupport
import Testing

@testable import Catalog

@Suite("The copies of the catalog in the cache")
struct ReadModelTests {
    /// What happens between a reader's miss and its fill, after it has read the old value.
    enum Meanwhile: String, CaseIterable {
        case nothing
        case update
        case flush
        case updateThenFlush
        case flushThenUpdate
        case eviction
    }

    @Test(
        "A reader that is paused between miss and fill does not bring the old value back", arguments: Meanwhile.allCases
    )
    func pausedReader(meanwhile: Meanwhile) async throws {
        try await CatalogParts.with { parts in
            let (quest, projector) = (try await parts.quest(), parts.projector())
            let (model, key) = (projector.model, parts.keys.catalogQuest(try await parts.quest().id))
            _ = try await projector.project()
            _ = try await parts.cache.send(["DEL", key])
            guard case .missing(let nonce?) = try await model.look(key) else { throw Unrecoverable("no lease") }
            let old = ReadModel.Fill(key: key, document: quest.document, revision: quest.revision)
            switch meanwhile {
            case .nothing: break
            case .update:
                _ = try await parts.update(quest, streak: 9)
                _ = try await projector.project()
            case .flush: try await parts.flush()
            case .updateThenFlush:
                _ = try await parts.update(quest, streak: 9)
                _ = try await projector.project()
                try await parts.flush()
            case .flushThenUpdate:
                try await parts.flush()
                _ = try await parts.update(quest, streak: 9)
                _ = try await projector.project()
            case .eviction:
                // The projector's copy is gone again, and no revision is there to compare with.
                _ = try await parts.update(quest, streak: 9)
                _ = try await projector.project()
                _ = try await parts.cache.send(["DEL", key])
            }
            let stored = try await model.fill([old], nonce: nonce)
            #expect(stored == (meanwhile == .nothing ? 1 : 0))
            let copy = try await parts.copy(key)
            #expect(copy?.contains("\"streak\":3") != true || meanwhile == .nothing)
            let answer = try await parts.queries().answer(.quest(quest.id))
            #expect(answer?.text.contains("\"streak\":\(meanwhile == .nothing || meanwhile == .flush ? 3 : 9)") == true)
        }
    }

    @Test("One of many readers gets the lease, and a fill gives it back; a higher revision stays")
    func leases() async throws {
        try await CatalogParts.with { parts in
            let (quest, model) = (try await parts.quest(), parts.projector().model)
            let key = parts.keys.catalogQuest(quest.id)
            guard case .missing(let nonce?) = try await model.look(key), case .missing(nil) = try await model.look(key)
            else { throw Unrecoverable("not one lease") }
            #expect(try await parts.cache.send(["PTTL", parts.keys.catalogLease(of: key)]).integer ?? 0 > 1_000)
            let newer = quest.document.text.replacing("\"revision\":2", with: "\"revision\":20")
            _ = try await parts.cache.send(["SET", key, newer])
            let fill = ReadModel.Fill(key: key, document: quest.document, revision: quest.revision)
            #expect(try await model.fill([fill], nonce: nonce) == 0)
            #expect(try await parts.copy(key) == newer)
            _ = try await parts.cache.send(["DEL", key])
            guard case .missing(let second?) = try await model.look(key) else { throw Unrecoverable("no lease") }
            #expect(try await model.fill([fill], nonce: second) == 1)
            guard case .copy = try await model.look(key) else { throw Unrecoverable("no copy") }
            let lifetime = try await parts.cache.send(["TTL", key]).integer ?? 0
            #expect((530...600).contains(lifetime))
        }
    }

    @Test("A quest may be called like a lease")
    func names() {
        let keys = StreamKeys()
        #expect(
            keys.catalogQuestNamed("x:lease") != keys.catalogLease(of: keys.catalogQuestNamed("x"))
                && keys.catalogQuestNamed("lease") != keys.catalogLease(of: keys.catalogQuestNamed("")))
    }
}
