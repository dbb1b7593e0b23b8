import Domain
import Foundation
import Postgres
import TestSupport
import Testing

@testable import Storage

@Suite("Lists that are walked while others write")
struct ListTests {
    /// Walks all pages, calling `between` after each.
    private func walk<Row, Position>(
        _ page: (Position?) async throws -> [(Row, Position)], between: (Int) async throws -> Void
    ) async throws -> [Row] {
        var (seen, cursor, number): ([Row], Position?, Int) = ([], nil, 0)
        while true {
            let rows = try await page(cursor)
            seen += rows.map(\.0)
            guard let last = rows.last else { return seen }
            cursor = last.1
            try await between(number)
            number += 1
        }
    }

    @Test("Claims: each that was there at the first page comes once, whatever is stored meanwhile")
    func claims() async throws {
        try await TestDatabase.with { database in
            let claims = Claims(database.client)
            let person = Identifier.random()
            let now = Timestamp.now
            func store(_ count: Int) async throws -> [Identifier] {
                let batch = (0..<count).map { _ in
                    // Many at the same millisecond, and later ones older than earlier ones.
                    let sample = Sample.completion(of: person)
                    return Completion(
                        id: sample.id, userID: person, questID: sample.questID, ordinal: 1, rewardItem: .gold,
                        rewardQuantity: 1, autoClaim: Bool.random(), catalogRevision: 1, causeID: .random(),
                        occurredAt: now.advanced(bySeconds: .random(in: -3...0)))
                }
                _ = try await claims.store(batch)
                return batch.map(\.id)
            }
            let first = try await store(40)
            let seen = try await walk(
                { try await claims.list(of: person, after: $0, limit: 7).map { ($0.claim.id, $0.position) } },
                between: { if $0 < 5 { _ = try await store(5) } })
            #expect(Set(seen).count == seen.count)
            #expect(Set(first).isSubset(of: seen))
        }
    }

    @Test("The wallet and the accounts likewise")
    func walletAndAccounts() async throws {
        try await TestDatabase.with { database in
            let client = database.client
            let person = Identifier.random()
            func post() async throws {
                _ = try await Wallets(client).post(
                    WalletPosting(
                        userID: person, kind: .correction, ref: Identifier.random().description, item: .gold, amount: 1),
                    as: AuditEntry(.commandLine, "wallet.correction", subject: ""))
                _ = try await Users(client).create(
                    id: .random(), name: Identifier.random().description, passwordHash: "h")
            }
            for _ in 0..<20 { try await post() }
            let entries = try await Wallets(client).entries(of: person, limit: 100).map(\.id)
            let seen = try await walk(
                { try await Wallets(client).entries(of: person, before: $0, limit: 3).map { ($0.id, $0.id) } },
                between: { _ in try await post() })
            #expect(seen == entries)
            let accounts = try await Users(client).list(limit: 100).map(\.id)
            let met = try await walk(
                { try await Users(client).list(after: $0, limit: 4).map { ($0.id, $0.id) } },
                between: { if $0 < 5 { try await post() } })
            #expect(Set(met).count == met.count)
            #expect(Set(accounts).isSubset(of: met))
            #expect(try await Users(client).count() >= Int64(met.count))
        }
    }

    @Test("Progress by quest likewise")
    func progress() async throws {
        try await TestDatabase.with { database in
            let client = database.client
            let person = Identifier.random()
            func addQuest() async throws {
                try await client.execute(
                    script: """
                        INSERT INTO catalog.quests (quest_id, name, event_type, streak, duplication, reward_id)
                        SELECT gen_random_uuid(), gen_random_uuid()::text, 'UserSignIn', 3, 2, reward_id
                        FROM catalog.rewards LIMIT 1
                        """)
                _ = try await EventStore(client).record([Sample.signIn(person)], under: try await Sample.book(client))
            }
            for _ in 0..<12 { try await addQuest() }
            let rows = try await ProgressRows(client).list(of: person, limit: 100).map(\.questID)
            let seen = try await walk(
                {
                    try await ProgressRows(client).list(of: person, after: $0, limit: 3).map {
                        ($0.questID, $0.questID)
                    }
                }, between: { if $0 < 4 { try await addQuest() } })
            #expect(Set(seen).count == seen.count && Set(rows).isSubset(of: seen))
        }
    }

    @Test("Events, newest first, with batches that commit late and many rows of one moment")
    func events() async throws {
        try await TestDatabase.with { database in
            let book = try await Sample.book(database.client)
            func record(_ count: Int) async throws {
                _ = try await EventStore(database.client).record(
                    (0..<count).map { _ in Sample.signIn(.random(), id: .random()) }, under: book)
            }
            for _ in 0..<4 { try await record(9) }
            let log = EventLog(database.client)
            let first = try await log.list(.init(), limit: 100).rows.map(\.event.id)
            #expect(first.count == 36)
            let late = try database.another(poolSize: 1)
            defer { late.close() }
            _ = try await late.query("BEGIN")
            _ = try await late.query(
                """
                INSERT INTO processing.events (id, user_id, event_type, "timestamp", catalog_revision, recorded_at)
                SELECT gen_random_uuid(), gen_random_uuid(), 'UserSignIn', now(), 1,
                    (SELECT min(recorded_at) + interval '1 microsecond' FROM processing.events)
                """)
            let seen = try await walk(
                { try await log.list(.init(), after: $0, limit: 5).rows.map { ($0.event.id, $0.position) } },
                between: {
                    if $0 == 1 { _ = try await late.query("COMMIT") }
                    if $0 < 3 { try await record(3) }
                })
            #expect(Set(seen).count == seen.count && Set(first).isSubset(of: seen))
        }
    }
}

@Suite("Events of one type")
struct RareTypeTests {
    @Test("A rare type is found page by page in both orders, and no page looks through more than its bound")
    func rare() async throws {
        try await TestDatabase.with { database in
            // One in front, one in the middle, one at the end of many of another type.
            try await database.client.execute(
                script: """
                    INSERT INTO processing.events (id, user_id, event_type, "timestamp", catalog_revision, recorded_at)
                    SELECT gen_random_uuid(), gen_random_uuid(), CASE WHEN n IN (1, 25000, 50000) THEN 'Rare' ELSE 'Common' END,
                        now(), 1, now() - interval '1 day' + n / 100 * interval '1 second'
                    FROM generate_series(1, 50000) AS n
                    """)
            let log = EventLog(database.client)
            let filter = EventLog.Filter(type: "Rare")
            for isNewest in [true, false] {
                var (position, seen, pages): (ListPosition?, [Identifier], Int) = (nil, [], 0)
                repeat {
                    let page =
                        isNewest
                        ? try await log.list(filter, after: position, limit: 10)
                        : try await log.follow(filter, after: position ?? .start, limit: 10)
                    seen += page.rows.map(\.event.id)
                    position = page.lookedThrough
                    pages += 1
                } while position != nil && pages < 10
                #expect(seen.count == 3 && Set(seen).count == 3 && pages == 3)
            }
        }
    }
}

@Suite("Following the event table")
struct FollowTests {
    /// Everything that can be seen from `position` on, and the position after it.
    private func follow(_ log: EventLog, _ position: inout ListPosition, limit: Int = 3) async throws -> [Identifier] {
        var seen: [Identifier] = []
        while true {
            let rows = try await log.follow(.init(), after: position, limit: limit).rows
            seen += rows.map(\.event.id)
            guard let last = rows.last else { return seen }
            position = last.position
        }
    }

    @Test("A batch that began early and commits late is seen once, by a follower who never waits for it")
    func late() async throws {
        try await TestDatabase.with { database in
            let book = try await Sample.book(database.client)
            let log = EventLog(database.client)
            let late = try database.another(poolSize: 1)
            defer { late.close() }
            let lateID = Identifier.random()
            var position = ListPosition.start
            var seen: [Identifier] = []
            func record() async throws -> Identifier {
                let event = Sample.signIn(.random(), id: .random())
                _ = try await EventStore(database.client).record([event], under: book)
                return event.id
            }
            let early = try await record()
            try await eventually("the early event is passed") {
                seen += try await follow(log, &position)
                return seen == [early]
            }
            // Its time is that of BEGIN, whenever it writes.
            _ = try await late.query("BEGIN")
            var others: [Identifier] = []
            for _ in 0..<5 { others.append(try await record()) }
            // Long enough for the margin to be over: what holds them back now is the open transaction.
            try await eventually("the others are older than the margin") {
                try await database.client.query(
                    "SELECT max(recorded_at) < now() - interval '1.2 seconds' FROM processing.events"
                ).first?.decode(0) ?? false
            }
            seen += try await follow(log, &position)
            #expect(seen == [early], "what the open transaction could overtake is held back")
            _ = try await late.query(
                """
                INSERT INTO processing.events (id, user_id, event_type, "timestamp", catalog_revision)
                VALUES (\(lateID), \(Identifier.random()), 'UserSignIn', now(), 1)
                """)
            seen += try await follow(log, &position)
            #expect(seen == [early])
            _ = try await late.query("COMMIT")
            try await eventually("everything is seen") {
                seen += try await follow(log, &position)
                return seen.count >= 7
            }
            #expect(seen == [early, lateID] + others, "in the order of recording, each once")
            #expect(try await follow(log, &position).isEmpty)
        }
    }

    @Test("The audit log too: a row with a lower number that commits after one with a higher")
    func audit() async throws {
        try await TestDatabase.with { database in
            let log = AuditLog(database.client)
            let late = try database.another(poolSize: 1)
            defer { late.close() }
            var position = AuditLog.Position.start
            var seen: [String] = []
            func look() async throws {
                while let last = try await log.follow(after: position, limit: 2).map({ row in
                    seen.append(row.record.subject)
                    return row.position
                }).last {
                    position = last
                }
            }
            _ = try await late.query("BEGIN")
            _ = try await late.query(AuditEntry(.commandLine, "test", subject: "late").insertion)
            for index in 0..<5 { try await log.write(AuditEntry(.commandLine, "test", subject: "\(index)")) }
            try await eventually("the others are older than the margin") {
                try await database.client.query(
                    "SELECT max(created_at) < now() - interval '1.2 seconds' FROM auth.audit_log"
                ).first?.decode(0) ?? false
            }
            try await look()
            #expect(seen.isEmpty, "all of them are younger than the open transaction")
            _ = try await late.query("COMMIT")
            try await eventually("everything is seen") {
                try await look()
                return seen.count >= 6
            }
            #expect(seen == ["late", "0", "1", "2", "3", "4"])
        }
    }

    @Test("Many writers at once, some rolled back: a follower sees what is there, each event once")
    func crowd() async throws {
        try await TestDatabase.with { database in
            let book = try await Sample.book(database.client)
            let log = EventLog(database.client)
            var position = ListPosition.start
            var seen: [Identifier] = []
            let writers = Task {
                try await withThrowingTaskGroup { group in
                    for writer in 0..<5 {
                        group.addTask {
                            for round in 0..<6 {
                                let events = (0..<4).map { _ in Sample.signIn(.random(), id: .random()) }
                                try? await database.client.transaction { transaction in
                                    _ = try await transaction.query("SELECT now()")
                                    // What another writer commits meanwhile began later; longer than the margin.
                                    try await Task.sleep(for: .milliseconds(Int.random(in: 0...1_800)))
                                    _ = try await transaction.query(EventStore.recordStatement(events, book))
                                    if (writer + round) % 5 == 0 { throw CancellationError() }
                                }
                            }
                        }
                    }
                    try await group.waitForAll()
                }
            }
            try await eventually("everything is seen") {
                seen += try await follow(log, &position, limit: 5)
                return seen.count >= 96
            }
            try await writers.value
            let all = try await database.client.query("SELECT id FROM processing.events")
            #expect(try Set(seen) == Set(all.map { try $0.decode(0, as: Identifier.self) }))
            #expect(Set(seen).count == seen.count)
        }
    }

    @Test("With sessions that it may not see a follower waits for a minute")
    func hidden() async throws {
        try await TestDatabase.with { database in
            let role = "questline_follow_" + database.name.suffix(12)
            try await database.client.execute(
                script: """
                    CREATE ROLE \(role) LOGIN PASSWORD 'follow';
                    GRANT USAGE ON SCHEMA processing TO \(role);
                    GRANT SELECT ON processing.events TO \(role);
                    """)
            guard var components = URLComponents(string: database.url) else { return }
            components.user = role
            components.password = "follow"
            let plain = PostgresClient(try PostgresConfiguration(url: components.string ?? ""), poolSize: 1)
            let other = try database.another(poolSize: 1)
            _ = try await other.query("BEGIN")
            let ages = [
                Timestamp.now.milliseconds - (try await FollowHorizon.read(plain)).microseconds / 1_000,
                Timestamp.now.milliseconds - (try await FollowHorizon.read(database.client)).microseconds / 1_000,
            ]
            plain.close()
            other.close()
            // Sessions of the pools are idle, and hidden all the same.
            #expect(ages[0] > 55_000 && ages[0] < 90_000)
            #expect(ages[1] < 30_000)
            try await eventually("the role has no session any more") {
                try await database.client.execute(script: "DROP OWNED BY \(role); DROP ROLE \(role)")
                return true
            }
        }
    }
}
