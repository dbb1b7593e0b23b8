import Domain
import Foundation
import Logging
import Postgres
import TestSupport
import Testing

@testable import Storage

@Suite("The schema")
struct SchemaTests {
    private let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    @Test("Is what Sources/Common/Storage/schema.sql says")
    func dump() async throws {
        try await TestDatabase.with(seeded: false) { database in
            let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
                .deletingLastPathComponent().appending(path: "Sources/Common/Storage/schema.sql")
            let dump = Process()
            dump.executableURL = URL(filePath: "/usr/bin/env")
            dump.arguments = ["pg_dump", "--schema-only", "--no-owner", "--no-privileges", database.url]
            let output = Pipe()
            dump.standardOutput = output
            try dump.run()
            let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            dump.waitUntilExit()
            let found = SchemaTests.statements(text)
            if ProcessInfo.processInfo.environment["QUESTLINE_WRITE_SCHEMA"] != nil {
                try Data((found + "\n").utf8).write(to: file)
            }
            let expected = try String(contentsOf: file, encoding: .utf8)
            #expect(
                found == SchemaTests.statements(expected),
                "write it anew with QUESTLINE_WRITE_SCHEMA=1 ops/test --filter SchemaTests")
        }
    }

    /// Without comments, settings of the dump and versions of the tool.
    private static func statements(_ dump: String) -> String {
        dump.split(separator: "\n", omittingEmptySubsequences: true)
            .filter { line in
                !["--", "SET ", "SELECT pg_catalog", "\\restrict", "\\unrestrict"].contains { line.hasPrefix($0) }
            }
            .joined(separator: "\n")
    }

    @Test("Migrating again, or from many processes at once, does nothing twice")
    func migrations() async throws {
        try await TestDatabase.with(seeded: false) { database in
            try await SchemaTests.clear(database)
            let applied = try await withThrowingTaskGroup(of: [Int32].self) { group in
                for _ in 0..<4 {
                    let client = try database.another()
                    group.addTask {
                        defer { client.close() }
                        return try await Migrator(client, logger: quiet).migrate()
                    }
                }
                return try await group.reduce(into: [Int32]()) { $0 += $1 }
            }
            #expect(Set(applied) == Set(1...Migrator.requiredVersion))
            #expect(try await Migrator(database.client, logger: quiet).migrate().isEmpty)
            let rows = try await database.client.query("SELECT count(*) FROM public.questline_migrations")
            #expect(try rows.first?.decode(0, as: Int64.self) == Int64(Migrator.requiredVersion))
        }
    }

    @Test("A migration that has to wait for a table keeps nobody else waiting, and comes through in the end")
    func patience() async throws {
        try await TestDatabase.with(seeded: false) { database in
            try await SchemaTests.clear(database)
            let client = try database.another()
            defer { client.close() }
            let migrator = Migrator(client, logger: quiet)
            _ = try await migrator.migrate(upTo: 7)
            let (dumped, end) = AsyncStream<Void>.makeStream()
            let (reading, begin) = AsyncStream<Void>.makeStream()
            let dump = try database.another(poolSize: 1)
            defer { dump.close() }
            async let reader: Void = dump.transaction { transaction in
                _ = try await transaction.query("SET LOCAL idle_in_transaction_session_timeout = 0")
                _ = try await transaction.query("SELECT FROM auth.outbox")
                begin.finish()
                for await _ in dumped {}
            }
            for await _ in reading {}
            async let applied = migrator.migrate(upTo: 8)
            try await eventually("it waits for the table") {
                try await !database.client.query(
                    "SELECT FROM pg_locks WHERE NOT granted AND relation = 'auth.outbox'::regclass"
                ).isEmpty
            }
            // Behind the migration; a lock is waited for for five seconds.
            _ = try await database.client.query(
                """
                INSERT INTO auth.outbox (event_id, event_type, user_id, occurred_at)
                VALUES (gen_random_uuid(), 'UserSignIn', gen_random_uuid(), now())
                """)
            end.finish()
            try await reader
            #expect(try await applied == [8])
        }
    }

    private static func clear(_ database: TestDatabase) async throws {
        for schema in ["auth", "catalog", "processing"] {
            try await database.client.execute(script: "DROP SCHEMA \(schema) CASCADE")
        }
        try await database.client.execute(
            script: "DROP TABLE public.questline_migrations; DROP FUNCTION public.questline_append_only")
    }

    @Test("Seeding twice, and beside an operator's changes, changes nothing")
    func seeding() async throws {
        try await TestDatabase.with { database in
            _ = try await database.client.query("UPDATE catalog.quests SET streak = 7")
            #expect(try await Seeding(database.client).plant(TestDatabase.seed()).isEmpty)
            #expect(try await Sample.book(database.client).pages.map(\.quest.streak) == [7])
        }
    }

    @Test(
        "Append-only tables refuse changes",
        arguments: [
            "UPDATE processing.events SET user_id = user_id", "DELETE FROM processing.events",
            "TRUNCATE processing.events",
            "UPDATE auth.wallet_entries SET amount = 1", "DELETE FROM auth.wallet_entries",
            "TRUNCATE auth.wallet_entries", "DELETE FROM auth.audit_log", "UPDATE auth.audit_log SET actor = ''",
            "TRUNCATE auth.audit_log", "DELETE FROM catalog.quests", "DELETE FROM catalog.rewards",
            "UPDATE catalog.quest_versions SET streak = 1",
        ])
    func appendOnly(statement: String) async throws {
        try await TestDatabase.with { database in
            await #expect {
                _ = try await database.client.query("\(unsafe: statement)")
            } throws: {
                ($0 as? PostgresError)?.sqlState == "42501"
            }
        }
    }

    @Test("SQL and Swift derive the same completion ids, version 8")
    func completionIDs() async throws {
        try await TestDatabase.with(seeded: false) { database in
            for ordinal in [Int32(1), 2, 255, 256, 70_000, .max] {
                let (person, quest) = (Identifier.random(), Identifier.random())
                let rows = try await database.client.query(
                    "SELECT processing.completion_id(\(person), \(quest), \(ordinal))")
                let id = Completion.id(userID: person, questID: quest, ordinal: ordinal)
                #expect(try rows.first?.decode(0) == id)
                #expect(id.version == 8)
            }
        }
    }

    @Test("Every catalog change raises the revision and keeps a version, one made in psql too")
    func versions() async throws {
        try await TestDatabase.with { database in
            let before = try await QuestRows(database.client).revision()
            _ = try await database.client.query("UPDATE catalog.rewards SET reward_qty = 25")
            let book = try await Sample.book(database.client)
            #expect(book.revision == before + 1)
            #expect(book.pages.first?.reward.quantity == 25)
            let rows = try await database.client.query(
                "SELECT reward_qty FROM catalog.reward_versions ORDER BY revision")
            #expect(try rows.map { try $0.decode(0, as: Int64.self) } == [10, 25])
        }
    }
}
