import Domain
import Foundation
import Operations
import Postgres
import Storage
import Synchronization
import TestSupport
import Testing

@Suite("verify")
struct VerificationTests {
    /// Thirty people with progress, completions, claims (some claimed by hand) and balances, under three revisions.
    private func fill(_ database: TestDatabase, limit: Int32 = 2) async throws {
        _ = try await database.client.query("UPDATE catalog.quests SET duplication = \(limit)")
        let store = EventStore(database.client)
        let claims = Claims(database.client)
        let people = (0..<30).map { _ in Identifier.random() }
        for round in 0..<4 {
            if round > 0 {
                _ = try await database.client.query(
                    "UPDATE catalog.quests SET streak = \(Int32(2 + round)), auto_claim = \(round % 2 == 1)")
                _ = try await database.client.query("UPDATE catalog.rewards SET reward_qty = \(Int64(round * 5))")
            }
            guard let book = try await QuestRows(database.client).book() else { return }
            let events = people.flatMap { person in
                (0..<Int.random(in: 1...5)).map { _ in
                    SignInEvent(id: .timeOrdered(at: .now), type: .signIn, userID: person, occurredAt: .now)
                }
            }
            let recorded = try await store.record(events.shuffled(), under: book)
            _ = try await claims.store(recorded.completions)
            for completion in recorded.completions.prefix(5) where !completion.autoClaim {
                _ = try await claims.claim(completion.id, of: completion.userID)
            }
        }
    }

    private func differences(_ database: TestDatabase, rows: Int = 50) async throws -> [Difference] {
        let found = Mutex<[Difference]>([])
        let report = try await Verification(database.client).run(rows: rows) { difference in
            found.withLock { $0.append(difference) }
        }
        let list = found.withLock { $0 }
        #expect(report.differences == list.count)
        return list
    }

    @Test("Finds nothing where nothing is wrong, in small ranges as in one")
    func clean() async throws {
        try await TestDatabase.with { database in
            try await fill(database)
            // A person has up to some thirty rows, so with few at once everybody is read in slices.
            for rows in [1, 2, 7, 50] {
                let found = try await differences(database, rows: rows)
                #expect(found.isEmpty, "\(rows) at once: \(found)")
            }
            let report = try await Verification(database.client).run { _ in }
            #expect(report.people == 30)
            let sliced = try await Verification(database.client).run(rows: 3) { _ in }
            #expect(sliced.people == 30 && sliced.events == report.events)
            #expect(sliced.completions == report.completions && sliced.claims == report.claims)
            #expect(report.completions > 0 && report.claims == report.completions)
            #expect(report.inFlight == 0)
        }
    }

    @Test("An empty database has no difference")
    func empty() async throws {
        try await TestDatabase.with { database in
            let found = try await differences(database)
            #expect(found.isEmpty)
        }
    }

    /// One row of each kind, changed in one column.
    static let corruptions = [
        "UPDATE processing.user_quest_rewards SET streak = streak + 1 WHERE (1)",
        "UPDATE processing.user_quest_rewards SET duplication = duplication + 1 WHERE (1)",
        "UPDATE processing.user_quest_rewards SET status = 1 - status WHERE (1)",
        "UPDATE processing.user_quest_rewards SET catalog_revision = catalog_revision - 1 WHERE (1)",
        "UPDATE processing.user_quest_rewards SET user_id = gen_random_uuid() WHERE (1)",
        "UPDATE processing.user_quest_rewards SET quest_id = gen_random_uuid() WHERE (1)",
        "UPDATE processing.user_quest_rewards SET last_events = last_events + 1 WHERE (1)",
        "UPDATE processing.user_quest_rewards SET last_goal = last_goal + 1 WHERE (1)",
        "UPDATE processing.user_quest_rewards SET last_limit = last_limit + 1 WHERE (1)",
        "UPDATE processing.user_quest_rewards SET last_start = last_start + 1 WHERE (1)",
        "UPDATE processing.user_quest_rewards SET last_completions = last_completions + 1 WHERE (1)",
        "DELETE FROM processing.user_quest_rewards WHERE (1)",
        "UPDATE auth.reward_claims SET claim_id = gen_random_uuid() WHERE (1)",
        "UPDATE auth.reward_claims SET user_id = gen_random_uuid() WHERE (1)",
        "UPDATE auth.reward_claims SET quest_id = gen_random_uuid() WHERE (1)",
        "UPDATE auth.reward_claims SET completion = completion + 100 WHERE (1)",
        "UPDATE auth.reward_claims SET reward_item = 'gold' WHERE (1)",
        "UPDATE auth.reward_claims SET reward_qty = reward_qty + 1 WHERE (1)",
        "UPDATE auth.reward_claims SET created_at = created_at + interval '1 second' WHERE (1)",
        "UPDATE auth.reward_claims SET status = 'pending', claimed_at = NULL WHERE status = 'claimed' AND (1)",
        "UPDATE auth.reward_claims SET status = 'claimed', claimed_at = now() WHERE status = 'pending' AND (1)",
        "UPDATE auth.reward_claims SET claimed_at = claimed_at - interval '1 second' WHERE status = 'claimed' AND (1)",
        "DELETE FROM auth.reward_claims WHERE (1)",
        "UPDATE auth.wallet_entries SET user_id = gen_random_uuid() WHERE (1)",
        "UPDATE auth.wallet_entries SET kind = 'spend' WHERE (1)",
        "UPDATE auth.wallet_entries SET ref = gen_random_uuid()::text WHERE (1)",
        "UPDATE auth.wallet_entries SET item = 'gold' WHERE (1)",
        "UPDATE auth.wallet_entries SET amount = amount + 1 WHERE (1)",
        "UPDATE auth.wallet_entries SET balance_after = balance_after + 1 WHERE (1)",
        "UPDATE auth.wallet_entries SET created_at = created_at + interval '1 second' WHERE (1)",
        "DELETE FROM auth.wallet_entries WHERE (1)",
        "UPDATE auth.users SET gold = gold + 1 WHERE (1)",
        "UPDATE auth.users SET diamond = diamond + 1 WHERE (1)",
        "DELETE FROM processing.events WHERE event_type = 'QuestCompleted' AND (1)",
        "DELETE FROM processing.events WHERE event_type <> 'QuestCompleted' AND (1)",
        "UPDATE processing.events SET event_data = jsonb_set(event_data, '{reward_qty}', '999') WHERE event_type = 'QuestCompleted' AND (1)",
        "UPDATE processing.events SET event_data = jsonb_set(event_data, '{cause_id}', to_jsonb(gen_random_uuid())) WHERE event_type = 'QuestCompleted' AND (1)",
        "UPDATE processing.events SET event_data = jsonb_set(event_data, '{cause_id}', '\"no uuid\"') WHERE event_type = 'QuestCompleted' AND (1)",
        "UPDATE processing.events SET event_data = jsonb_set(event_data, '{quest_id}', '\"no uuid\"') WHERE event_type = 'QuestCompleted' AND (1)",
        "UPDATE processing.events SET event_data = jsonb_set(event_data, '{completion}', '\"many\"') WHERE event_type = 'QuestCompleted' AND (1)",
        "UPDATE processing.events SET event_data = jsonb_set(event_data, '{completion}', '1e300') WHERE event_type = 'QuestCompleted' AND (1)",
        "UPDATE processing.events SET event_data = jsonb_set(event_data, '{reward_qty}', '99999999999999999999999') WHERE event_type = 'QuestCompleted' AND (1)",
        "UPDATE processing.events SET event_data = jsonb_set(event_data, '{auto_claim}', '{}') WHERE event_type = 'QuestCompleted' AND (1)",
        "UPDATE processing.events SET event_data = NULL WHERE event_type = 'QuestCompleted' AND (1)",
        "UPDATE processing.events SET event_data = '[1]' WHERE event_type = 'QuestCompleted' AND (1)",
        "UPDATE processing.events SET recorded_at = 'infinity', \"timestamp\" = '-infinity' WHERE event_type = 'QuestCompleted' AND (1)",
        "UPDATE processing.events SET catalog_revision = -9223372036854775808 WHERE event_type = 'QuestCompleted' AND (1)",
        "UPDATE processing.user_quest_rewards SET streak = 2147483647, duplication = 2147483647, last_events = -2147483648, last_goal = -2147483648, last_limit = -2147483648, last_start = 2147483647, last_completions = -2147483648 WHERE (1)",
        "UPDATE processing.user_quest_rewards SET duplication = 2147483647, last_events = 2147483647, last_goal = 2147483647, last_limit = 2147483647, last_start = 2147483647, last_completions = 2147483647 WHERE (1)",
        "UPDATE auth.wallet_entries SET amount = -9223372036854775808 WHERE (1)",
        "UPDATE auth.wallet_entries SET amount = 9223372036854775807, balance_after = 9223372036854775807 WHERE (1)",
        "UPDATE auth.reward_claims SET reward_qty = 9223372036854775807, completion = 2147483647, created_at = 'infinity' WHERE (1)",
        "UPDATE auth.users SET gold = 9223372036854775807 WHERE (1)",
        "INSERT INTO processing.outbox (event_id, user_id, quest_id, cause_id, occurred_at, catalog_revision, reward_qty, completion, auto_claim, reward_item) SELECT gen_random_uuid(), user_id, quest_id, gen_random_uuid(), now(), 2, 1, 9, false, 'gold' FROM processing.user_quest_rewards WHERE (1)",
    ]

    @Test("Finds every corruption", arguments: corruptions)
    func corruption(statement: String) async throws {
        try await TestDatabase.with { database in
            // Of somebody who reached the limit an event could go without a trace in what follows from the events.
            try await fill(database, limit: statement.contains("event_type <>") ? 1_000 : 2)
            let words = statement.split(separator: " ")
            let table =
                words[0] == "UPDATE" ? words[1] : statement.split(separator: "FROM ")[1].split(separator: " ")[0]
            let one =
                "ctid = (SELECT ctid FROM \(table) t WHERE \(VerificationTests.condition(statement)) ORDER BY ctid DESC LIMIT 1)"
            let corrupting = statement.replacingOccurrences(of: "(1)", with: one)
            // The triggers that keep these tables append-only do not fire for a replica.
            try await database.client.execute(
                script: "SET session_replication_role = replica; \(corrupting); SET session_replication_role = origin")
            let found = try await differences(database)
            #expect(!found.isEmpty, "\(corrupting)")
            // And the same in slices.
            let sliced = try await differences(database, rows: 2)
            #expect(Set(sliced) == Set(found))
        }
    }

    @Test("What is expected and missing is compared in slices too")
    func slicesOfWhatIsMissing() async throws {
        try await TestDatabase.with { database in
            let counts = try await VerificationReads(database.client).snapshot { view in
                let page = view.page(of: .random())
                let few = try await view.slices(of: page, rows: 10, expected: 0).count
                return [few, try await view.slices(of: page, rows: 10, expected: 1_000).count]
            }
            #expect(counts == [1, 128])
        }
    }

    /// What the statement itself requires of a row, besides being the one.
    private static func condition(_ statement: String) -> String {
        guard let start = statement.range(of: " WHERE ")?.upperBound else { return "true" }
        let condition = statement[start...].replacingOccurrences(of: "AND (1)", with: "").replacingOccurrences(
            of: "(1)", with: "true")
        return condition.trimmingCharacters(in: .whitespaces)
    }

    @Test("A young completion without a claim is on its way; an old one is missing")
    func inFlight() async throws {
        try await TestDatabase.with { database in
            guard let book = try await QuestRows(database.client).book() else { return }
            let person = Identifier.random()
            let events = (0..<3).map { _ in
                SignInEvent(id: .timeOrdered(at: .now), type: .signIn, userID: person, occurredAt: .now)
            }
            _ = try await EventStore(database.client).record(events, under: book)
            let report = try await Verification(database.client).run { _ in }
            #expect(report.inFlight == 1)
            #expect(report.differences == 0)
            try await database.client.execute(
                script: """
                    SET session_replication_role = replica;
                    UPDATE processing.events SET recorded_at = recorded_at - interval '2 minutes';
                    SET session_replication_role = origin
                    """)
            #expect(try await differences(database).count == 1)
        }
    }
}
