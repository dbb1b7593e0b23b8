import Domain
import Foundation
import Postgres
import Synchronization
import TestSupport
import Testing

@testable import Operations
@testable import Storage

@Suite("replay")
struct ReplayTests {
    private func replay(
        _ database: TestDatabase, of person: Identifier? = nil, applying: Bool = true, rows: Int = 40,
        emittedAtOnce: Int64 = 2
    ) async throws -> (report: ReplayReport, found: [Difference], remaining: [Difference]) {
        let lists = Mutex<([Difference], [Difference])>(([], []))
        let report = try await Replay(database.client, emittedAtOnce: emittedAtOnce).run(
            of: person, applying: applying, rows: rows,
            found: { difference in lists.withLock { $0.0.append(difference) } },
            remaining: { difference in lists.withLock { $0.1.append(difference) } })
        let (found, remaining) = lists.withLock { $0 }
        #expect(report.differences == found.count)
        #expect(report.remaining == (applying ? remaining.count : found.count))
        return (report, found, remaining)
    }

    private func differences(_ database: TestDatabase) async throws -> [Difference] {
        let found = Mutex<[Difference]>([])
        _ = try await Verification(database.client).run { difference in found.withLock { $0.append(difference) } }
        return found.withLock { $0 }
    }

    /// All that stands in the tables a replay may write to.
    private func tables(_ database: TestDatabase) async throws -> String? {
        try await database.client.query(
            """
            SELECT (SELECT coalesce(string_agg(p::text, ';' ORDER BY p.user_id, p.quest_id), '')
                    FROM processing.user_quest_rewards p)
                || (SELECT string_agg(e::text, ';' ORDER BY e.id) FROM processing.events e)
                || (SELECT coalesce(string_agg(o::text, ';' ORDER BY o.event_id), '') FROM processing.outbox o)
            """
        ).first?.decode(0)
    }

    @Test("Finds nothing and changes nothing where nothing is wrong")
    func clean() async throws {
        try await TestDatabase.with { database in
            try await Sample.fill(database, people: (0..<15).map { _ in .random() }, limit: 3)
            let before = try await tables(database)
            let (report, _, _) = try await replay(database)
            #expect(report.people == 15 && report.differences == 0 && report.emitted == 0)
            #expect(try await tables(database) == before)
        }
    }

    /// Losses that leave what the events need to mend them.
    static let losses = [
        "DELETE FROM processing.user_quest_rewards",
        "UPDATE processing.user_quest_rewards SET streak = streak + 7",
        "UPDATE processing.user_quest_rewards SET streak = 0, duplication = 0, status = 0",
        "UPDATE processing.user_quest_rewards SET duplication = 2147483647, streak = 2147483647, last_goal = -1",
        "UPDATE processing.user_quest_rewards SET status = 1 - status, catalog_revision = 99, last_start = 5",
        "UPDATE processing.user_quest_rewards SET last_events = 2147483647, last_limit = 0",
        "UPDATE processing.user_quest_rewards SET user_id = gen_random_uuid()",
        "UPDATE processing.user_quest_rewards SET quest_id = gen_random_uuid()",
        "DELETE FROM processing.events WHERE event_type = 'QuestCompleted'",
        "DELETE FROM auth.reward_claims WHERE status = 'pending'",
        """
        DELETE FROM processing.events WHERE event_type = 'QuestCompleted' AND random() < 0.5;
        UPDATE processing.user_quest_rewards SET duplication = 0 WHERE random() < 0.5;
        DELETE FROM processing.user_quest_rewards WHERE random() < 0.3
        """,
        """
        DELETE FROM processing.events WHERE event_type = 'QuestCompleted'
            AND id IN (SELECT claim_id FROM auth.reward_claims WHERE status = 'pending');
        DELETE FROM auth.reward_claims WHERE status = 'pending'
        """,
    ]

    @Test("Mends what was lost, and work goes on from there", arguments: losses, [Int32(2), 1_000])
    func mends(script: String, limit: Int32) async throws {
        try await TestDatabase.with { database in
            let people = (0..<15).map { _ in Identifier.random() }
            try await Sample.fill(database, people: people, limit: limit)
            try await Sample.corrupt(database.client, script)
            let dry = try await replay(database, applying: false)
            #expect(dry.report.differences > 0)
            let before = try await tables(database)
            _ = try await replay(database, applying: false)
            #expect(try await tables(database) == before, "without --apply nothing is changed")
            let (report, found, remaining) = try await replay(database)
            #expect(Set(found) == Set(dry.found))
            #expect(remaining.isEmpty, "\(remaining.prefix(3))")
            #expect(report.differing == Set(found.map(\.userID)).count)
            try await Sample.deliver(database.client)
            let left = try await differences(database)
            #expect(left.isEmpty, "\(left.prefix(3))")
            // The rows are such that the next batches fold on top of them.
            for _ in 0..<3 { _ = try await Sample.record(Sample.signIns(3, of: people), database.client) }
            try await Sample.deliver(database.client)
            #expect(try await differences(database).isEmpty)
        }
    }

    @Test("Prints person, quest and both values, and looks at one person if asked to")
    func onePerson() async throws {
        try await TestDatabase.with { database in
            let people = (0..<3).map { _ in Identifier.random() }
            try await Sample.fill(database, people: people, limit: 1_000)
            try await Sample.corrupt(database.client, "UPDATE processing.user_quest_rewards SET streak = streak + 1")
            let (report, found, _) = try await replay(database, of: people[1])
            #expect(report.people == 1 && report.differing == 1)
            let streak = try #require(found.first { $0.subject == "progress.streak" })
            let questID = try #require(streak.questID)
            #expect(
                streak.change
                    == "person \(people[1]) quest \(questID): progress.streak \(streak.found) → \(streak.expected)")
            #expect(Set(try await differences(database).map(\.userID)) == [people[0], people[2]])
            let nobody = try await replay(database, of: .random())
            #expect(nobody.report.people == 0 && nobody.report.differences == 0)
        }
    }

    @Test("A surplus reward is named, stays, and is not run into")
    func surplus() async throws {
        try await TestDatabase.with { database in
            let people = (0..<4).map { _ in Identifier.random() }
            try await Sample.fill(database, people: people, limit: 1_000)
            // A completion with a number that nobody has reached, and a claim that no completion explains.
            try await Sample.corrupt(
                database.client,
                """
                INSERT INTO processing.events (id, user_id, event_type, "timestamp", event_data, catalog_revision)
                SELECT processing.completion_id(user_id, quest_id, 500), user_id, 'QuestCompleted', now(),
                    jsonb_build_object('quest_id', quest_id, 'completion', 500), 1
                FROM processing.user_quest_rewards WHERE user_id = '\(people[0])';
                INSERT INTO auth.reward_claims
                SELECT gen_random_uuid(), user_id, quest_id, 700, 'gold', 1, 'pending', now(), NULL
                FROM processing.user_quest_rewards WHERE user_id = '\(people[1])'
                """)
            let (report, found, remaining) = try await replay(database)
            #expect(report.emitted == 0 && Set(found.map(\.userID)) == [people[0], people[1]])
            #expect(remaining.contains { $0.userID == people[0] && $0.found == "a row (number 500)" })
            #expect(
                remaining.contains {
                    $0.userID == people[0] && $0.subject == "progress.duplication" && $0.found == "500"
                })
            #expect(remaining.contains { $0.userID == people[1] && $0.subject.hasPrefix("claim ") })
            let completions = try await Sample.record(Sample.signIns(4, of: [people[0]]), database.client)
            #expect(completions.first?.ordinal == 501)
            // The streak that it stands for is not rewarded a second time.
            let again = try await replay(database)
            #expect(again.report.emitted == 0)
            #expect(Set(again.remaining.map(\.userID)) == [people[0], people[1]])
            let next = try await Sample.record(Sample.signIns(4, of: [people[0]]), database.client)
            #expect(next.first?.ordinal == completions.last.map { $0.ordinal + 1 })
        }
    }

    @Test("Events that a surplus reward was paid for are not paid for again")
    func surplusOfADamagedStreak() async throws {
        try await TestDatabase.with(autoClaim: true) { database in
            let person = Identifier.random()
            _ = try await database.client.query("UPDATE catalog.quests SET streak = 3, duplication = 1000000")
            var given: [Int32] = []
            func signIn() async throws {
                given += try await Sample.record(Sample.signIns(1, of: [person]), database.client).map(\.ordinal)
                try await Sample.deliver(database.client)
            }
            try await signIn()
            try await Sample.corrupt(database.client, "UPDATE processing.user_quest_rewards SET streak = 2")
            try await signIn()
            #expect(given == [1], "too early, and nobody takes it back")
            // However often it is rebuilt.
            for _ in 0..<2 { #expect(try await replay(database).remaining.isEmpty == false) }
            try await signIn()
            #expect(given == [1])
            for _ in 0..<3 { try await signIn() }
            #expect(given == [1, 2], "as many as six events lead to")
            #expect(try await replay(database).remaining.isEmpty)
            for _ in 0..<3 { try await signIn() }
            #expect(given == [1, 2, 3])
            #expect(try await differences(database).isEmpty)
        }
    }

    @Test("A completion that nothing leads to its claim is put back into the outbox, unless its reward was given")
    func forgotten() async throws {
        try await TestDatabase.with { database in
            let people = (0..<5).map { _ in Identifier.random() }
            try await Sample.fill(database, people: people, limit: 1_000)
            // A row that does not say what to give, a reward whose claim is gone, and the others.
            try await Sample.corrupt(
                database.client,
                """
                UPDATE processing.events SET event_data = event_data - 'reward_item' WHERE id = (
                    SELECT claim_id FROM auth.reward_claims WHERE status = 'pending' ORDER BY claim_id LIMIT 1);
                DELETE FROM auth.reward_claims
                """)
            let count = "SELECT count(*) FROM processing.events WHERE event_type = 'QuestCompleted'"
            let credits = "SELECT count(*) FROM auth.wallet_entries"
            func number(_ statement: String) async throws -> Int64 {
                try await database.client.query("\(unsafe: statement)").first?.decode(0) ?? 0
            }
            let (completions, given) = (try await number(count), try await number(credits))
            #expect(given > 0 && completions > given + 1)
            let (report, _, remaining) = try await replay(database)
            #expect(Int64(report.emitted) == completions - given - 1)
            #expect(remaining.contains { $0.subject.hasPrefix("outbox ") })
            try await Sample.deliver(database.client)
            #expect(try await number("SELECT count(*) FROM auth.reward_claims") == completions - given - 1)
            #expect(try await number(credits) == given, "no reward is given twice")
        }
    }

    // MARK: Beside batches

    private func waitForALock(_ database: TestDatabase, _ count: Int = 1) async throws {
        try await eventually("\(count) wait for a lock") {
            try await database.client.query(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            ).first?.decode(0, as: Int64.self) == Int64(count)
        }
    }

    @Test("A batch that has folded and not committed is waited for and seen")
    func waitsForABatch() async throws {
        try await TestDatabase.with { database in
            let person = Identifier.random()
            _ = try await Sample.record(Sample.signIns(1, of: [person]), database.client)
            try await Sample.corrupt(database.client, "UPDATE processing.user_quest_rewards SET streak = 0")
            let book = try #require(try await QuestRows(database.client).book())
            let other = try database.another()
            let replaying = try await other.transaction { batch in
                _ = try await batch.query(EventStore.recordStatement(Sample.signIns(1, of: [person]), book))
                let replaying = Task { try await replay(database, of: person).remaining }
                try await waitForALock(database)
                return replaying
            }
            #expect(try await replaying.value.isEmpty)
            let left = try await differences(database)
            #expect(left.isEmpty)
            let row = try await ProgressRows(database.client).list(of: person, limit: 10).first
            #expect(row?.progress == Progress(streak: 2, duplication: 0))
            other.close()
        }
    }

    @Test("A batch that has not folded yet folds on top")
    func aBatchFoldsOnTop() async throws {
        try await TestDatabase.with { database in
            let people = [Identifier.random(), Identifier.random()].sorted()
            try await Sample.fill(database, people: people, limit: 1_000)
            try await Sample.corrupt(
                database.client, "DELETE FROM processing.user_quest_rewards WHERE user_id = '\(people[1])'")
            let third = try database.another()
            let batch = try await third.transaction { holder in
                // It has the first person's row, so the batch, which has inserted its events, waits before the second's.
                _ = try await holder.query(
                    "SELECT FROM processing.user_quest_rewards WHERE user_id = \(people[0]) FOR UPDATE")
                let batch = Task { try await Sample.record(Sample.signIns(7, of: people), database.client) }
                try await waitForALock(database)
                #expect(try await replay(database, of: people[1]).remaining.isEmpty)
                return batch
            }
            _ = try await batch.value
            try await Sample.deliver(database.client)
            let left = try await differences(database)
            #expect(left.isEmpty, "\(left)")
            third.close()
        }
    }

    /// Under a changing catalog a streak that lost events would be filled under a later revision, which nothing mends; then
    /// only completions are lost.
    @Test("Again and again beside batches that count for the same people", arguments: [true, false])
    func besideBatches(catalogChanges: Bool) async throws {
        try await TestDatabase.with { database in
            let people = (0..<10).map { _ in Identifier.random() }
            try await Sample.fill(database, people: people, limit: 1_000)
            let client = database.client
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<3 {
                    group.addTask {
                        for _ in 0..<25 {
                            let some = people.filter { _ in Bool.random() }
                            _ = try await Sample.record(Sample.signIns(.random(in: 1...4), of: some), client)
                        }
                    }
                }
                group.addTask {
                    for round in 0..<10 {
                        if catalogChanges {
                            _ = try await client.query("UPDATE catalog.quests SET streak = \(Int32(2 + round % 3))")
                        } else {
                            // Completions come later than due; replay gives them.
                            for person in people {
                                _ = try await client.query(
                                    """
                                    UPDATE processing.user_quest_rewards SET streak = 0
                                    WHERE user_id = \(person) AND streak > 0
                                    """)
                            }
                        }
                        try await Sample.corrupt(
                            client,
                            """
                            DELETE FROM processing.events WHERE id IN (SELECT id FROM processing.events
                                WHERE event_type = 'QuestCompleted' ORDER BY random() LIMIT 2)
                            """)
                    }
                }
                for _ in 0..<2 {
                    group.addTask { for _ in 0..<10 { _ = try await self.replay(database) } }
                }
                try await group.waitForAll()
            }
            _ = try await replay(database)
            try await Sample.deliver(client)
            let left = try await differences(database).prefix(3)
            #expect(left.isEmpty)
        }
    }
}
