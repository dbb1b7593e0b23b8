import Domain
import Identity
import NIOCore
import Storage
import Testing

@testable import HTTPFront

@Suite("Who watches whom")
struct LiveStateTests {
    private let ann = Identifier.random()

    /// Expectations cannot change a value.
    private final class Front {
        var state = LiveState()

        func begin(_ person: Identifier) -> UInt64? { state.begin(person) }
        func changed(_ person: Identifier) -> Bool { state.changed(person) }
        func next(for id: UInt64) -> LiveState.Next { state.next(for: id) }

        func finish(_ person: Identifier, _ watch: UInt64, _ snapshot: LiveSnapshot) -> Bool {
            state.finish(person, watch, snapshot)
        }
    }

    @Test("A reading that began for viewers who have left does not replace the one of those who came since")
    func anew() throws {
        let here = Front()
        let first = open(here).id
        let old = try #require(here.begin(ann))
        _ = here.state.remove(first)
        let second = open(here)
        #expect(second.mustRead)
        let new = try #require(here.begin(ann))
        let (stale, fresh) = (snapshot("stale"), snapshot("fresh"))
        #expect(!here.finish(ann, new, fresh))
        #expect(text(here.next(for: second.id)) == fresh.message)
        #expect(!here.finish(ann, old, stale))
        #expect(text(here.next(for: second.id)) == nil)
    }

    @Test("Who changes while they are read is read again")
    func dirty() throws {
        let here = Front()
        _ = open(here)
        #expect(!here.changed(ann))
        let watch = try #require(here.begin(ann))
        #expect(!here.changed(ann))
        #expect(here.finish(ann, watch, snapshot("one")))
        #expect(!here.changed(ann))
        _ = here.begin(ann)
        #expect(!here.finish(ann, watch, snapshot("two")))
        #expect(here.changed(ann))
    }

    @Test("A sign of life is sent once, and not beside news")
    func heartbeat() throws {
        let here = Front()
        let id = open(here).id
        here.state.beat()
        #expect(text(here.next(for: id)) == ByteBuffer(string: ":\n\n"))
        #expect(text(here.next(for: id)) == nil)
        let watch = try #require(here.begin(ann))
        _ = here.finish(ann, watch, snapshot("news"))
        here.state.beat()
        #expect(text(here.next(for: id)) == snapshot("news").message)
        #expect(text(here.next(for: id)) == nil)
    }

    private func open(_ here: Front) -> (id: UInt64, mustRead: Bool) {
        let bearer = Bearer(userID: ann, tokenID: .random(), role: .player, issuedAt: .now, expiresAt: .now)
        let look = AsyncStream.makeStream(of: Void.self).continuation
        return here.state.add(bearer, watching: ann, has: nil, look: look, most: 8)
    }

    private func snapshot(_ catalog: String) -> LiveSnapshot {
        LiveSnapshot(
            PersonSnapshot(user: nil, progress: [], claims: [], claimCounts: [], entries: []), catalog: catalog)
    }

    private func text(_ next: LiveState.Next) -> ByteBuffer? {
        switch next {
        case .nothing: nil
        case .send(let message), .last(let message): message
        }
    }
}
