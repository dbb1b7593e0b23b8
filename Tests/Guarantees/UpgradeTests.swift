import Domain
import Foundation
import Postgres
import Storage
import Streams
import TestSupport
import Testing

extension Guarantees {
    /// A database is migrated while an older version works on it, and the new one is started beside it.
    @Suite struct Upgrades {
        @Test(.timeLimit(.minutes(3)), arguments: Set([4, Migrator.requiredVersion - 1]).sorted())
        func theOlderVersionWorksOnBesideTheNewOne(from version: Int32) async throws {
            try await Stage.withPrivatePostgres { stage, postgres in
                try await postgres.start()
                _ = try await Migrator(stage.database, logger: TestLog.logger).migrate(upTo: version)
                let older = try OlderVersion(stage, url: postgres.url)
                defer { older.close() }
                try await older.plantQuest()
                let worker = try stage.start(.worker, ["run"])
                let front = try stage.start(.front)
                try await worker.line(containing: "waiting for migrations")
                try await front.line(containing: "waiting for migrations")

                let isDone = Flag()
                async let accepted = older.work(until: isDone)
                try await eventually("it is at work") { older.rounds.now > 3 }
                #expect(worker.lines(containing: "working").isEmpty && front.lines(containing: "listening").isEmpty)
                try await stage.migrate()
                try await worker.line(containing: "working")
                try await front.line(containing: "listening")
                // Both at once, over a change of the catalog, which either of them has to notice.
                let before = older.rounds.now
                let crowd = SignIns.crowd(50, each: 4)
                try await stage.publish(crowd)
                _ = try await stage.database.query("UPDATE catalog.quests SET streak = 2")
                try await eventually("it still is") { older.rounds.now > before + 10 }
                isDone.raise()
                let events = try await accepted + crowd.map(\.id)
                try await stage.settle(recording: events.count)
                #expect(try await stage.missing(events) == [])
                #expect(try await stage.recorded == events.count)
                #expect(try await stage.claims == stage.completions)
                #expect(worker.isRunning && front.isRunning)
                try await stage.verify()
            }
        }
    }
}

/// The front, the relay and the worker of schema version 4, as far as the database sees them. Their sessions are made before the
/// migrations and stay, with the statements that they have prepared.
private final class OlderVersion: Sendable {
    private let stage: Stage
    private let front: PostgresClient
    private let worker: PostgresClient
    let rounds = Locked(0)

    init(_ stage: Stage, url: String) throws {
        self.stage = stage
        var configuration = try PostgresConfiguration(url: url)
        configuration.applicationName = "questline-front"
        front = PostgresClient(configuration, poolSize: 1)
        configuration.applicationName = "questline-worker"
        worker = PostgresClient(configuration, poolSize: 1)
    }

    func close() {
        front.close()
        worker.close()
    }

    func plantQuest() async throws {
        let (reward, quest) = (Identifier.random(), Identifier.random())
        _ = try await worker.transaction([
            """
            INSERT INTO catalog.rewards (reward_id, reward_name, reward_item, reward_qty)
            VALUES (\(reward), 'ten', 'diamond', 10)
            """,
            """
            INSERT INTO catalog.quests (quest_id, name, description, event_type, streak, duplication, auto_claim, reward_id)
            VALUES (\(quest), 'UserSignIn', '', 'UserSignIn', 3, 1000, true, \(reward))
            """,
        ])
    }

    /// - Returns: the events that it has accepted.
    func work(until isDone: Flag) async throws -> [Identifier] {
        var accepted: [Identifier] = []
        while !isDone.isRaised {
            let person = Identifier.random()
            accepted += try await signIn(person)
            accepted += try await recordBatch(of: person)
            try await relay()
            rounds.withLock { $0 += 1 }
        }
        try await relay()
        return accepted
    }

    private func signIn(_ person: Identifier) async throws -> [Identifier] {
        let events = SignIns.person(3, id: person)
        _ = try await front.query(VersionFour.signUp(person, name: "\(person)", hash: "a"))
        try await front.transaction { _ = try await $0.commit(after: VersionFour.firstSignIn(events[0])) }
        _ = try await front.query(VersionFour.keep(Array(events.dropFirst())))
        let before = try await front.query(VersionFour.credentials("\(person)")).first?.decode(6, as: Timestamp.self)
        _ = try await front.query(VersionFour.renewHash(person, old: "a", new: "b"))
        let row = try #require(try await front.query(VersionFour.credentials("\(person)")).first)
        #expect(try row.decode(6, as: Timestamp.self) == before, "a hash that is renewed voids no token")
        #expect(try row.decode(8, as: String.self) == "b")
        return events.map(\.id)
    }

    /// What its worker would have read from the stream.
    private func recordBatch(of person: Identifier) async throws -> [Identifier] {
        let events = SignIns.person(4, id: person).dropFirst().map { $0 }
        while true {
            let row = try #require(try await worker.query(VersionFour.book).first)
            do {
                let batch = VersionFour.record(events, under: try VersionFour.Book(row))
                try await worker.transaction { _ = try await $0.commit(after: batch) }
                return events.map(\.id)
            } catch let error as PostgresError where error.sqlState == EventStore.staleCatalog || error.isRetryable {
                continue
            }
        }
    }

    private func relay() async throws {
        try await worker.transaction { transaction in
            let rows = try await transaction.query(VersionFour.due)
            guard !rows.isEmpty else { return }
            let events = try rows.map { row in
                SignInEvent(
                    id: try row.decode(1), type: try #require(EventType(try row.decode(2, as: String.self))),
                    userID: try row.decode(3), occurredAt: try row.decode(4))
            }
            try await self.stage.producer.publish(events)
            _ = try await transaction.query(VersionFour.note(try rows.map { try $0.decode(0, as: Int64.self) }))
        }
    }
}
