import Domain
import Postgres
import Storage
import TestSupport
import Testing

@Suite("Sign-ins kept until they are recorded")
struct SignInOutboxTests {
    private struct Down: Error {}

    private actor Collected {
        private(set) var events: [SignInEvent] = []

        func add(_ more: [SignInEvent]) { events += more }
    }

    private func kept(_ count: Int, _ outbox: SignInOutbox) async throws -> [SignInEvent] {
        let events = (0..<count).map { _ in Sample.signIn(.random()) }
        _ = try await outbox.add(events)
        return events
    }

    @Test("Each is published once by several relays, stays when publishing fails, and stays when it is published")
    func publishing() async throws {
        try await TestDatabase.with { database in
            let outbox = SignInOutbox(database.client)
            let events = try await kept(50, outbox)
            await #expect(throws: Down.self) { try await outbox.publishDue(olderThan: .zero) { _ in throw Down() } }
            #expect(try await outbox.unpublished() == 50)
            let collected = Collected()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        while try await outbox.publishDue(olderThan: .zero, limit: 7, { await collected.add($0) }) > 0 {
                        }
                    }
                }
                try await group.waitForAll()
            }
            let published = await collected.events
            #expect(published.count == 50)
            #expect(Set(published) == Set(events))
            #expect(try await outbox.unpublished() == 0)
            #expect(try await outbox.backlog().count == 50)
        }
    }

    @Test("What is recorded goes; of the rest, only what the stream must have lost is published again")
    func settling() async throws {
        try await TestDatabase.with { database in
            let outbox = SignInOutbox(database.client)
            let events = try await kept(10, outbox)
            _ = try await outbox.publishDue(olderThan: .zero) { _ in }
            let done = Set(events.prefix(4).map(\.id))
            let first = try await outbox.settle(before: .now) { _ in
                done
            } publish: { _ in
                throw Down()
            }
            #expect(first.removed == 4 && first.published == 0)
            // The group has finished everything until a minute from now, so these are lost.
            let later = Timestamp.now.advanced(bySeconds: 60)
            await #expect(throws: Down.self) {
                _ = try await outbox.settle(before: later) { _ in
                    [events[4].id]
                } publish: { _ in
                    throw Down()
                }
            }
            #expect(try await outbox.backlog().count == 6)
            let collected = Collected()
            let second = try await outbox.settle(before: later) { _ in
                [events[4].id]
            } publish: {
                await collected.add($0)
            }
            #expect(second.removed == 1 && second.published == 5)
            #expect(await Set(collected.events) == Set(events.dropFirst(5)))
            // Just published, so it may be waiting.
            let third = try await outbox.settle(before: .now) { _ in
                []
            } publish: { _ in
                throw Down()
            }
            #expect(third.removed == 0 && third.published == 0)
        }
    }

    private func key(_ event: SignInEvent) -> SignInOutbox.Key {
        (id: event.id, userID: event.userID, type: event.type.name)
    }

    @Test("What a dead letter holds is left alone until the letter is retried or dropped")
    func buried() async throws {
        try await TestDatabase.with { database in
            let outbox = SignInOutbox(database.client)
            let events = try await kept(3, outbox)
            _ = try await outbox.publishDue(olderThan: .zero) { _ in }
            try await outbox.bury(events.map(key))
            let later = Timestamp.now.advanced(bySeconds: 60)
            let settled = try await outbox.settle(before: later) { _ in
                []
            } publish: { _ in
                throw Down()
            }
            #expect(settled.removed == 0 && settled.published == 0)
            #expect(try await outbox.backlog().count == 0, "it does not wait")
            try await outbox.revive(key(events[0]))
            let retried = try await outbox.settle(before: later) { _ in
                [events[0].id]
            } publish: { _ in
                throw Down()
            }
            #expect(retried.removed == 1)
            try await outbox.forget(key(events[1]))
            let left = try await database.client.query("SELECT event_id FROM auth.outbox")
            #expect(try left.map { try $0.decode(0, as: Identifier.self) } == [events[2].id])
        }
    }

    @Test("Rows that have to wait do not hide those behind them")
    func pages() async throws {
        try await TestDatabase.with { database in
            let outbox = SignInOutbox(database.client)
            let events = try await kept(25, outbox)
            _ = try await outbox.publishDue(olderThan: .zero) { _ in }
            let done = Set(events.suffix(5).map(\.id))
            var (cursor, removed, pages): (Int64?, Int, Int) = (0, 0, 0)
            while let place = cursor {
                let page = try await outbox.settle(before: .now, after: place, limit: 10) { _ in
                    done
                } publish: { _ in
                    throw Down()
                }
                (cursor, removed, pages) = (page.next, removed + page.removed, pages + 1)
            }
            #expect(removed == 5 && pages == 3)
        }
    }
}
