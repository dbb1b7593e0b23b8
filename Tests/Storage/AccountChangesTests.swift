import Domain
import Postgres
import TestSupport
import Testing

@testable import Storage

@Suite("What is done to accounts, and what is written down of it")
struct AccountChangesTests {
    private func ann(_ database: TestDatabase) async throws -> User {
        try #require(try await Users(database.client).create(id: .random(), name: "Ann", passwordHash: "h"))
    }

    @Test("Each change has its row, with what was before; what is so already has none")
    func audit() async throws {
        try await TestDatabase.with { database in
            let (users, audit) = (Users(database.client), AuditLog(database.client))
            let admin = try #require(
                try await users.create(
                    id: .random(), name: "Root", passwordHash: "h", role: .admin, by: .commandLine))
            let actor = Actor.person(admin.id, requestID: "req-1")
            let user = try #require(
                try await users.create(id: .random(), name: "Ann \"x\"", passwordHash: "h", by: actor))
            #expect(try await users.create(id: .random(), name: "Root", passwordHash: "h", by: actor) == nil)
            for _ in 0..<2 { _ = try await users.change(user.id, banned: true, by: actor) }
            for _ in 0..<2 { _ = try await users.change(user.id, banned: false, role: .admin, by: actor) }
            _ = try await users.setPassword("h2", of: user.id, replacing: "h", by: .person(user.id, requestID: nil))
            #expect(
                try await users.setPassword("h3", of: user.id, replacing: "h", by: .person(user.id, requestID: nil))
                    == nil)
            let rows = try await audit.list(limit: 100)
            #expect(
                rows.map(\.action) == [
                    "user.password", "user.role", "user.unban", "user.ban", "user.create", "user.create",
                ])
            #expect(rows.map(\.actor) == ["Ann \"x\"", "Root", "Root", "Root", "Root", "questline-worker"])
            #expect(rows[1].details == #"{"after": "admin", "before": "player"}"#)
            #expect(rows[2].details == #"{"after": 0, "before": 2}"#)
            #expect(rows[3].details == #"{"after": 2, "before": 0}"#)
            #expect(rows[4].details == #"{"role": "player", "user_name": "Ann \"x\""}"#)
            #expect(rows[1...3].allSatisfy { $0.actorID == admin.id && $0.requestID == "req-1" })
            #expect(rows.dropLast().allSatisfy { $0.subject == "\(user.id)" })
            // In pages and by each filter.
            let page = try await audit.list(before: rows[2].id, limit: 2)
            #expect(page.map(\.id) == rows[3...4].map(\.id))
            var filter = AuditLog.Filter()
            filter.actorID = admin.id
            filter.action = "user.ban"
            filter.subject = "\(user.id)"
            filter.from = rows[3].createdAt
            #expect(try await audit.list(filter, limit: 9).map(\.id) == [rows[3].id])
            filter.before = rows[3].createdAt
            #expect(try await audit.list(filter, limit: 9).isEmpty)
        }
    }

    @Test("An action that fails leaves no row")
    func atomicity() async throws {
        try await TestDatabase.with { database in
            let user = try await ann(database)
            try await database.client.execute(
                script: "ALTER TABLE auth.users ADD CONSTRAINT no_ban CHECK (status <> 2 AND password_hash <> 'bad')")
            let users = Users(database.client)
            await #expect(throws: PostgresError.self) {
                try await users.change(user.id, banned: true, by: .commandLine)
            }
            await #expect(throws: PostgresError.self) {
                try await users.setPassword("bad", of: user.id, by: .commandLine)
            }
            #expect(try await AuditLog(database.client).list(limit: 9).isEmpty)
        }
    }

    @Test("What somebody changes in psql voids tokens at the end of the transaction, however long that is open")
    func byHand() async throws {
        try await TestDatabase.with { database in
            let id = try await ann(database).id
            let users = Users(database.client)
            var last = try #require(try await users.user(id)).tokensValidFrom
            func raised(by statement: SQL) async throws -> Bool {
                _ = try await database.client.query(statement)
                let now = try #require(try await users.user(id)).tokensValidFrom
                defer { last = now }
                return now > last
            }
            #expect(try await raised(by: "UPDATE auth.users SET password_hash = 'other' WHERE user_id = \(id)"))
            #expect(try await raised(by: "UPDATE auth.users SET role = 'admin' WHERE user_id = \(id)"))
            #expect(try await raised(by: "UPDATE auth.users SET status = 2 WHERE user_id = \(id)"))
            #expect(try await !raised(by: "UPDATE auth.users SET status = 1 WHERE user_id = \(id)"))
            #expect(try await !raised(by: "UPDATE auth.users SET status = status, role = role WHERE user_id = \(id)"))
            #expect(try await !raised(by: "UPDATE auth.users SET gold = 5 WHERE user_id = \(id)"))
            let committed = try await database.client.transaction(operation: "a ban") { transaction in
                _ = try await transaction.query("UPDATE auth.users SET status = 2 WHERE user_id = \(id)")
                return try await transaction.query("SELECT clock_timestamp(), pg_sleep(0.05)")
                    .first?.decode(0, as: Timestamp.self)
            }
            let moment = try #require(try await users.user(id)).tokensValidFrom
            #expect(moment > (try #require(committed)))
        }
    }

    @Test("It always rises, also when the clock of the server went back; a renewed hash leaves it alone")
    func rising() async throws {
        try await TestDatabase.with { database in
            let id = try await ann(database).id
            let users = Users(database.client)
            let future = Timestamp.now.advanced(bySeconds: 3_600)
            _ = try await database.client.query(
                "UPDATE auth.users SET tokens_valid_from = \(future) WHERE user_id = \(id)")
            var last = future
            for round in 0..<4 {
                _ = try await users.setPassword("h\(round)", of: id, by: .commandLine)
                let now = try #require(try await users.user(id)).tokensValidFrom
                #expect(now > last)
                last = now
            }
            try await users.replaceHash("h3", by: "renewed", of: id)
            #expect(try await users.user(id)?.tokensValidFrom == last)
            #expect(try await users.credentials(named: "Ann")?.passwordHash == "renewed")
            // Version 4 renews without a word; its fronts are known by their name.
            var configuration = database.client.configuration
            configuration.applicationName = "questline-front"
            let old = PostgresClient(configuration, poolSize: 1)
            _ = try await old.query("UPDATE auth.users SET password_hash = 'again' WHERE user_id = \(id)")
            old.close()
            #expect(try await users.user(id)?.tokensValidFrom == last)
        }
    }

    @Test("Names are found by how they begin, with whatever letters")
    func prefix() async throws {
        try await TestDatabase.with { database in
            let users = Users(database.client)
            for name in ["Ann", "Anna", "ann", "A%b", "A_b", "Bob"] {
                _ = try await users.create(id: .timeOrdered(at: .now), name: name, passwordHash: "h")
            }
            func names(_ prefix: String) async throws -> [String] {
                let page = try await users.list(named: prefix, limit: 10)
                #expect(try await users.count(named: prefix) == Int64(page.count))
                return page.compactMap(\.name).sorted()
            }
            #expect(try await names("Ann") == ["Ann", "Anna"])
            #expect(try await names("A%") == ["A%b"])
            #expect(try await names("A_") == ["A_b"])
            #expect(try await names("").count == 6)
            #expect(try await names("x\\").isEmpty)
        }
    }

    @Test("Details are JSON whatever they hold")
    func details() async throws {
        try await TestDatabase.with { database in
            let text = "a\"\\\n\u{1}\u{0}é\u{2028}"
            let details: AuditDetails = [
                "t": .text(text), text: .flag(true), "n": .number(.min), "l": .list([.text("x"), .object([:])]),
            ]
            try await AuditLog(database.client).write(
                AuditEntry(.commandLine, "test.test", subject: "x", details: details))
            let row = try await database.client.query("SELECT details->>'t', details->>'n' FROM auth.audit_log").first
            #expect(try row?.decode(0, as: String.self) == text.replacing("\u{0}", with: "\u{fffd}"))
            #expect(try row?.decode(1, as: String.self) == "\(Int64.min)")
        }
    }
}
