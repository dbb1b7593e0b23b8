import Domain
import Postgres
import Storage
import TestSupport
import Testing

@testable import Identity

@Suite("Reading who may come in")
struct AccessWatchTests {
    private func bearer(_ user: Identifier, at moment: Timestamp = .now) -> Bearer {
        Bearer(
            userID: user, tokenID: .timeOrdered(at: moment), role: .player, issuedAt: moment,
            expiresAt: moment.advanced(bySeconds: Tokens.lifetime))
    }

    @Test("What one front signs out, the next reading of another one refuses")
    func revocation() async throws {
        try await TestDatabase.with { database in
            let watch = AccessWatch(database.client)
            #expect(!watch.isLoaded)
            try await watch.refresh()
            #expect(watch.isLoaded)
            let token = bearer(.random())
            try await RevokedTokens(database.client).revoke(
                token.tokenID, of: token.userID, expiresAt: token.expiresAt)
            #expect(watch.list.refusal(of: token) == nil)
            try await watch.refresh()
            #expect(watch.list.refusal(of: token) != nil)
            // A front that starts later knows it too.
            let later = AccessWatch(database.client)
            try await later.refresh()
            #expect(later.list.refusal(of: token) != nil)
        }
    }

    @Test("A ban, another role and a new password void the tokens from before; lifting a ban voids none")
    func accountChanges() async throws {
        try await TestDatabase.with { database in
            let users = Users(database.client)
            let watch = AccessWatch(database.client)
            try await watch.refresh()
            let before = Timestamp.now.advanced(bySeconds: -1)
            for change in 0..<3 {
                let id = Identifier.timeOrdered(at: .now)
                _ = try await users.create(id: id, name: "name \(change)", passwordHash: "x")
                let token = bearer(id, at: before)
                switch change {
                case 0: _ = try await users.change(id, banned: true, role: nil, by: .commandLine)
                case 1: _ = try await users.change(id, banned: nil, role: .admin, by: .commandLine)
                default: _ = try await users.setPassword("y", of: id, by: .commandLine)
                }
                try await watch.refresh()
                #expect(watch.list.refusal(of: token) != nil, "change \(change)")
                _ = try await users.change(id, banned: false, role: nil, by: .commandLine)
                let after = bearer(id, at: Timestamp.now.advanced(bySeconds: 1))
                try await watch.refresh()
                #expect(watch.list.refusal(of: after) == nil)
            }
        }
    }

    @Test("A key made a moment ago is found, an unknown one is not, a revoked one goes")
    func keys() async throws {
        try await TestDatabase.with { database in
            let watch = AccessWatch(database.client)
            try await watch.refresh()
            let (key, unknown) = (APIKeys.generate(), APIKeys.generate())
            _ = try await APIKeyRows(database.client).add(
                id: .timeOrdered(at: .now), name: "game", hash: APIKeyHash(of: key).bytes)
            try await eventually("the key is found") { try await watch.holder(of: key)?.name == "game" }
            #expect(try await watch.holder(of: unknown) == nil)
            #expect(try await watch.holder(of: "short") == nil)
            _ = try await database.client.query("UPDATE auth.api_keys SET revoked_at = now()")
            try await watch.refresh()
            #expect(watch.list.holder(of: APIKeyHash(of: key)) == nil)
        }
    }

    @Test("While Postgres is away known keys go on working, and unknown ones are an error, not a refusal")
    func away() async throws {
        try await PrivatePostgres.with { postgres in
            try await postgres.start()
            let client = PostgresClient(try PostgresConfiguration(url: postgres.url), poolSize: 3)
            _ = try await Migrator(client, logger: TestLog.logger).migrate()
            let key = APIKeys.generate()
            _ = try await APIKeyRows(client).add(id: .random(), name: "game", hash: APIKeyHash(of: key).bytes)
            let watch = AccessWatch(client)
            try await watch.refresh()
            try await postgres.kill()
            #expect(try await watch.holder(of: key)?.name == "game")
            try await eventually("an unknown key is an error") {
                do {
                    _ = try await watch.holder(of: APIKeys.generate())
                    return false
                } catch is PostgresError {
                    return true
                }
            }
            // For everybody, not only for the caller whose turn it was to look.
            await #expect(throws: PostgresError.self) { try await watch.holder(of: APIKeys.generate()) }
            #expect(try await watch.holder(of: key)?.name == "game")
            try await postgres.start()
            try await eventually("it is read again") {
                try await watch.refresh()
                return true
            }
            client.close()
        }
    }

    @Test("Many callers at once share a reading")
    func sharing() async throws {
        try await TestDatabase.with { database in
            let watch = AccessWatch(database.client)
            try await withThrowingTaskGroup { group in
                for _ in 0..<50 { group.addTask { try await watch.refresh() } }
                try await group.waitForAll()
            }
            #expect(watch.isLoaded)
        }
    }
}
