import Domain
import Postgres
import Storage
import Synchronization
import TestSupport

/// People who did something, and what then happens to their rows.
enum Sample {
    static func signIns(_ count: Int, of people: [Identifier]) -> [SignInEvent] {
        people.flatMap { person in
            (0..<count).map { index in
                SignInEvent(
                    id: .timeOrdered(at: .now), type: index == 0 && Bool.random() ? .firstSignIn : .signIn,
                    userID: person, occurredAt: Timestamp.now.advanced(bySeconds: .random(in: -1_000...0)))
            }
        }.shuffled()
    }

    /// As a batch does, under the catalog as it stands.
    static func record(_ events: [SignInEvent], _ client: PostgresClient) async throws -> [Completion] {
        while true {
            guard let book = try await QuestRows(client).book() else { throw Unrecoverable("there is no catalog") }
            do {
                return try await EventStore(client).record(events, under: book).completions
            } catch let error as PostgresError where error.sqlState == EventStore.staleCatalog || error.isRetryable {
                continue
            }
        }
    }

    /// A few rounds of sign-ins under changing terms, in each of which everybody fills a streak; all completions have their
    /// claims, and those of the second round are credited.
    static func fill(_ database: TestDatabase, people: [Identifier], limit: Int32, rounds: Int = 3) async throws {
        for round in 0..<rounds {
            _ = try await database.client.query(
                """
                UPDATE catalog.quests SET duplication = \(limit), streak = \(Int32(2 + round)),
                    auto_claim = \(round == 1)
                """)
            _ = try await database.client.query("UPDATE catalog.rewards SET reward_qty = \(Int64(5 + round))")
            for _ in 0..<2 { _ = try await record(signIns(.random(in: 2...5), of: people), database.client) }
        }
        try await deliver(database.client)
    }

    /// What relay and claims worker do with the outbox.
    static func deliver(_ client: PostgresClient) async throws {
        let horizon = Timestamp.now.advanced(bySeconds: 60)
        let published = Mutex<[Completion]>([])
        while try await CompletionOutbox(client).publishLost(
            before: horizon, { completions in published.withLock { $0 = completions } }) > 0
        {
            _ = try await Claims(client).store(published.withLock { $0 })
        }
    }

    /// Runs statements past the triggers that keep tables append-only, which do not fire for a replica.
    static func corrupt(_ client: PostgresClient, _ script: String) async throws {
        try await client.execute(
            script: "SET session_replication_role = replica; \(script); SET session_replication_role = origin")
    }
}
