import Domain
import Postgres
import Storage
import TestSupport
import Testing

@Suite("Where the streams were when they were last seen")
struct StreamPositionsTests {
    private func position(_ generation: String, undone: Int64) -> StreamPosition {
        StreamPosition(
            stream: "quest:signins", generation: generation, entriesAdded: 7, lastID: "5-0", undone: undone,
            group: StreamPosition.Group(name: "progress", lastDelivered: "4-0", entriesRead: 6, pending: 1))
    }

    @Test("A gap is noted once with its bound, and makes every row of both outboxes due again")
    func gap() async throws {
        try await TestDatabase.with { database in
            let positions = StreamPositions(database.client)
            let losses = Losses(database.client)
            let outbox = SignInOutbox(database.client)
            _ = try await outbox.add([Sample.signIn(.random())])
            _ = try await outbox.publishDue(olderThan: .zero) { _ in }
            let first = try await positions.keep { seen in
                #expect(seen.isEmpty)
                return ([position("a", undone: 3)], [])
            }
            #expect(first?.isEmpty == true)
            #expect(try await outbox.unpublished() == 0)
            let second = try await positions.keep { seen in
                #expect(seen.map(\.position.generation) == ["a"])
                return ([position("b", undone: 0)], seen.map { StreamGap($0, reason: "flushed", isLoss: true) })
            }
            #expect(second?.count == 1)
            while try await positions.recall(limit: 1) {}
            #expect(try await outbox.unpublished() == 1)
            #expect(try await !positions.recall(), "a gap is recalled once")
            let open = try await losses.open()
            #expect(open.map(\.atMost) == [3])
            #expect(open.first?.reason == "flushed" && open.first?.stream == "quest:signins")
            _ = try await positions.keep { seen in
                #expect(seen.map(\.position.undone) == [0])
                return ([position("b", undone: 1)], [])
            }
            #expect(try await losses.count() == 1)
            #expect(try await losses.dismiss([-1]) == 0)
            #expect(try await losses.dismiss(nil) == 1)
            #expect(try await losses.count() == 0)
        }
    }

    @Test("Of many at once one looks, and nothing is written when the look fails")
    func turns() async throws {
        struct Away: Error {}
        try await TestDatabase.with { database in
            let positions = StreamPositions(database.client)
            let outcome = try await positions.keep { _ in
                let client = try database.another()
                let other = StreamPositions(client)
                let second = try await other.keep { _ in ([], []) }
                client.close()
                #expect(second == nil)
                return ([position("a", undone: 0)], [])
            }
            #expect(outcome != nil)
            await #expect(throws: Away.self) {
                try await positions.keep { _ in throw Away() }
            }
            let rows = try await database.client.query("SELECT generation FROM processing.stream_positions")
            #expect(try rows.map { try $0.decode(0, as: String.self) } == ["a"])
        }
    }

    @Test("A lost entry is noted once")
    func entry() async throws {
        try await TestDatabase.with { database in
            let losses = Losses(database.client)
            try await losses.note(["1-0", "2-0"], of: "quest:signins")
            try await losses.note(["2-0", "3-0"], of: "quest:signins")
            #expect(try await losses.open().compactMap(\.entryID) == ["3-0", "2-0", "1-0"])
        }
    }
}
