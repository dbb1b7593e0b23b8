import Domain
import Postgres
import TestSupport
import Testing

@testable import Storage

@Suite("Accounts and their first sign-in")
struct UsersTests {
    @Test("Of many first sign-ins at once exactly one is the first, and it is in the outbox")
    func firstSignIn() async throws {
        try await TestDatabase.with { database in
            let users = Users(database.client)
            let user = try #require(try await users.create(id: .random(), name: "Ann", passwordHash: "hash"))
            let won = try await withThrowingTaskGroup(of: Int64?.self) { group in
                for _ in 0..<8 {
                    group.addTask { try await users.recordFirstSignIn(Sample.signIn(user.id, type: .firstSignIn)) }
                }
                return try await group.reduce(into: [Int64]()) { rows, row in if let row { rows.append(row) } }
            }
            #expect(won.count == 1)
            #expect(try await SignInOutbox(database.client).backlog().count == 1)
            #expect(try await users.user(user.id)?.status == .known)
        }
    }

    @Test("A taken name is refused, a long one is bad data")
    func names() async throws {
        try await TestDatabase.with { database in
            let users = Users(database.client)
            let first = try await users.create(id: .random(), name: "Ann", passwordHash: "h")
            let second = try await users.create(id: .random(), name: "Ann", passwordHash: "h")
            #expect(first != nil && second == nil)
            let long = String(repeating: "x", count: 256)
            await #expect {
                _ = try await users.create(id: .random(), name: long, passwordHash: "h")
            } throws: {
                ($0 as? PostgresError)?.sqlState == "23514"
            }
        }
    }

    @Test("A ban that is lifted gives back what was before")
    func bans() async throws {
        try await TestDatabase.with { database in
            let users = Users(database.client)
            let user = try #require(try await users.create(id: .random(), name: "Ann", passwordHash: "h"))
            #expect(try await users.change(user.id, banned: true, role: nil, by: .commandLine)?.status == .banned)
            #expect(try await users.recordFirstSignIn(Sample.signIn(user.id)) == nil)
            #expect(try await users.change(user.id, banned: false, role: .admin, by: .commandLine)?.status == .new)
            _ = try await users.recordFirstSignIn(Sample.signIn(user.id))
            _ = try await users.change(user.id, banned: true, role: nil, by: .commandLine)
            let lifted = try await users.change(user.id, banned: false, role: nil, by: .commandLine)
            #expect(lifted?.status == .known)
            #expect(lifted?.role == .admin)
            #expect(try await users.change(.random(), banned: true, role: nil, by: .commandLine) == nil)
        }
    }
}
