import Domain
import Postgres
import Storage
import TestSupport
import Testing

@testable import Operations

@Suite("explain")
struct ExplanationTests {
    /// All pages of a person's explanation, put together as a client would.
    struct Whole {
        var last: Explanation
        var events: [Explanation.Event] = []
        /// By quest and completion (nil: the present streak) its events, in no order.
        var streaks: [Identifier: [Int32?: [Identifier]]] = [:]
        var completions: [Identifier: [Int32: Explanation.Completion]] = [:]

        var quests: [Explanation.Quest] { last.quests }
    }

    static func explain(_ client: PostgresClient, _ person: Identifier, limit: Int = 100) async throws -> Whole {
        var cursor: ListPosition?
        var whole: Whole?
        repeat {
            let page = try await Explanations(client).page(of: person, after: cursor, limit: limit)
            var next = whole ?? Whole(last: page)
            next.last = page
            next.events += page.events
            for quest in page.quests {
                next.streaks[quest.quest.id, default: [:]][nil, default: []] += quest.streakEvents
                for completion in quest.completions {
                    next.streaks[quest.quest.id, default: [:]][completion.ordinal, default: []] += completion.events
                    next.completions[quest.quest.id, default: [:]][completion.ordinal] = completion
                }
            }
            whole = next
            cursor = page.next
        } while cursor != nil
        return try #require(whole)
    }

    private func quest(
        _ client: PostgresClient, _ name: String, type: String, streak: Int32 = 3, limit: Int32 = 2
    ) async throws {
        _ = try await client.query(
            """
            INSERT INTO catalog.quests (quest_id, name, event_type, streak, duplication, reward_id)
            SELECT \(Identifier.random()), \(name), \(type), \(streak), \(limit), reward_id FROM catalog.rewards LIMIT 1
            """)
    }

    @Test("The example of eight sign-ins: six fill two streaks, two came after the limit")
    func example() async throws {
        try await TestDatabase.with { database in
            let person = Identifier.random()
            var ids: [Identifier] = []
            for index in 0..<8 {
                let event = SignInEvent(
                    id: .random(), type: index == 0 ? .firstSignIn : .signIn, userID: person, occurredAt: .now)
                ids.append(event.id)
                _ = try await Sample.record([event], database.client)
                // Again, and nothing changes: a duplicate is no event of its own.
                _ = try await Sample.record([event], database.client)
                let quest = try #require(try await ExplanationTests.explain(database.client, person).quests.first)
                #expect(quest.needed == [2, 1, 3, 2, 1, nil, nil, nil][index])
            }
            try await Sample.deliver(database.client)
            let whole = try await ExplanationTests.explain(database.client, person)
            let quest = try #require(whole.quests.first)
            #expect(!quest.differs && quest.stored == quest.standing)
            #expect(quest.standing.progress == Progress(streak: 0, duplication: 2) && quest.standing.limitReached)
            #expect(quest.counted == 6)
            #expect(quest.notCounted.map(\.reason) == ["limit_reached"] && quest.notCounted.map(\.count) == [2])
            #expect(quest.completions.map(\.ordinal) == [2, 1])
            #expect(quest.completions.map(\.events) == [Array(ids[3...5]), Array(ids[0...2])])
            #expect(quest.completions.map(\.causeID) == [ids[5], ids[2]])
            #expect(quest.completions.allSatisfy { $0.claim?.status == .pending && $0.claim?.id == $0.id })
            #expect(whole.events.map(\.id) == ids.reversed())
            #expect(whole.events[0].notCounted.map(\.reason) == ["limit_reached"])
            let nobody = try await ExplanationTests.explain(database.client, .random())
            #expect(nobody.events.isEmpty && nobody.quests.count == 1 && nobody.quests[0].needed == 3)
            #expect(nobody.quests[0].stored == nil && !nobody.quests[0].differs)
        }
    }

    @Test("Each reason why an event does not count")
    func reasons() async throws {
        try await TestDatabase.with { database in
            let client = database.client
            let person = Identifier.random()
            func record(_ type: String, _ count: Int = 1) async throws {
                for _ in 0..<count {
                    let event = SignInEvent(
                        id: .random(), type: try #require(EventType(type)), userID: person, occurredAt: .now)
                    _ = try await Sample.record([event], client)
                }
            }
            try await record("LevelUp", 2)
            try await record("Unheard", 3)
            try await quest(client, "levels", type: "LevelUp", streak: 5, limit: 2)
            try await record("LevelUp", 4)
            _ = try await client.query("UPDATE catalog.quests SET streak = 2 WHERE name = 'levels'")
            // One of the four goes on, three are let go; then a whole streak, and one more.
            try await record("LevelUp", 4)
            _ = try await client.query("UPDATE catalog.quests SET duplication = 1 WHERE name = 'levels'")
            try await record("LevelUp", 1)
            _ = try await client.query("UPDATE catalog.quests SET active = false WHERE name = 'levels'")
            try await record("LevelUp", 6)
            _ = try await client.query(
                "UPDATE catalog.quests SET active = true, event_type = 'Other', duplication = 9 WHERE name = 'levels'")
            try await record("LevelUp", 7)
            try await record("Other", 1)
            let whole = try await ExplanationTests.explain(client, person)
            let quest = try #require(whole.quests.first { $0.quest.name == "levels" })
            #expect(!quest.differs)
            #expect(
                Dictionary(uniqueKeysWithValues: quest.notCounted.map { ($0.reason, $0.count) }) == [
                    "before_quest": 2, "streak_shortened": 3, "limit_reached": 2, "quest_retired": 6, "other_type": 7,
                ])
            #expect(quest.counted == 5 && quest.standing.progress == Progress(streak: 1, duplication: 2))
            #expect(quest.needed == 1)
            let told = whole.events.flatMap { event in event.notCounted.map(\.reason) }
            #expect(told.count { $0 == "unknown_type" } == 3)
            #expect(whole.last.otherTypes.map(\.type) == ["Unheard"] && whole.last.otherTypes.map(\.count) == [3])
        }
    }

    @Test("A lowered limit lets a waiting streak go")
    func limitLowered() async throws {
        try await TestDatabase.with { database in
            let person = Identifier.random()
            for _ in 0..<5 {
                _ = try await Sample.record(Sample.signIns(1, of: [person]), database.client)
            }
            _ = try await database.client.query("UPDATE catalog.quests SET duplication = 1")
            let before = try #require(try await ExplanationTests.explain(database.client, person).quests.first)
            #expect(before.standing.progress.streak == 2 && before.streakEvents.count == 2 && before.needed == nil)
            _ = try await Sample.record(Sample.signIns(1, of: [person]), database.client)
            let after = try #require(try await ExplanationTests.explain(database.client, person).quests.first)
            #expect(!after.differs && after.counted == 3)
            #expect(after.notCounted.map(\.reason) == ["limit_reached", "limit_lowered"])
            #expect(after.notCounted.map(\.count) == [1, 2])
        }
    }

    @Test("A row that was tampered with is told beside what follows from the events; damaged causes cost no exactness")
    func tampered() async throws {
        try await TestDatabase.with { database in
            let people = (0..<4).map { _ in Identifier.random() }
            try await Sample.fill(database, people: people, limit: 1_000)
            try await Sample.corrupt(
                database.client,
                """
                UPDATE processing.user_quest_rewards SET streak = streak + 1 WHERE user_id = '\(people[0])';
                UPDATE processing.events SET event_data = event_data || '{"cause_id": "none"}'
                WHERE event_type = 'QuestCompleted' AND user_id = '\(people[1])' AND random() < 0.7;
                UPDATE processing.events SET event_data = '[7]'
                WHERE event_type = 'QuestCompleted' AND user_id = '\(people[2])'
                """)
            for (person, differs) in zip(people, [true, false, true, false]) {
                let whole = try await ExplanationTests.explain(database.client, person, limit: 3)
                let quest = try #require(whole.quests.first)
                #expect(quest.differs == differs)
                check(whole)
                if person == people[0] {
                    #expect(quest.stored?.progress.streak == quest.standing.progress.streak + 1)
                }
            }
        }
    }

    /// What must hold of every explanation: each event is named once for each quest that ever listened to its type, and
    /// each streak has the events it must have.
    private func check(_ whole: Whole) {
        for quest in whole.quests {
            let id = quest.quest.id
            var named: [Identifier: Int] = [:]
            for (ordinal, events) in whole.streaks[id] ?? [:] {
                for event in events { named[event, default: 0] += 1 }
                guard let ordinal else {
                    #expect(events.count == Int(quest.standing.progress.streak))
                    continue
                }
                #expect(events.count == Int(whole.completions[id]?[ordinal]?.goal ?? 0))
            }
            #expect(named.values.allSatisfy { $0 == 1 })
            #expect(named.count == Int(quest.counted))
            #expect(
                Set(whole.streaks[id, default: [:]].keys.compactMap { $0 })
                    == Set((0..<quest.standing.progress.duplication).map { $0 + 1 }))
            var reasons: [String: Int64] = [:]
            var places: Set<[Int32]> = []
            for event in whole.events {
                let counted = event.countedFor.filter { $0.questID == id }
                let not = event.notCounted.filter { $0.questID == id }
                #expect(counted.count == (named[event.id] ?? 0) && counted.count + not.count <= 1)
                for one in counted {
                    #expect(places.insert([one.completion ?? 0, one.place]).inserted)
                }
                for one in not { reasons[one.reason, default: 0] += 1 }
            }
            #expect(reasons == Dictionary(uniqueKeysWithValues: quest.notCounted.map { ($0.reason, $0.count) }))
        }
    }

    /// Random changes of the catalog and random batches, through the real event store.
    private func live(_ client: PostgresClient, _ people: [Identifier], _ generator: inout SeededGenerator) async throws
    {
        let types: [EventType] =
            [.signIn, .signIn, .firstSignIn] + ["LevelUp", "Unheard"].compactMap { EventType($0) }
        for round in 0..<Int.random(in: 4...9, using: &generator) {
            switch Int.random(in: 0..<7, using: &generator) {
            case 0:
                try await quest(
                    client, "quest \(round)", type: Bool.random(using: &generator) ? "LevelUp" : "UserSignIn",
                    streak: .random(in: 1...4, using: &generator), limit: .random(in: 1...5, using: &generator))
            case 1: _ = try await client.query("UPDATE catalog.quests SET active = random() < 0.6")
            case 2:
                _ = try await client.query(
                    "UPDATE catalog.quests SET event_type = CASE WHEN random() < 0.5 THEN 'LevelUp' ELSE 'UserSignIn' END"
                )
            default:
                _ = try await client.query(
                    """
                    UPDATE catalog.quests SET streak = \(Int32.random(in: 1...6, using: &generator)),
                        duplication = \(Int32.random(in: 1...8, using: &generator)) WHERE random() < 0.7
                    """)
            }
            for _ in 0..<Int.random(in: 0...3, using: &generator) {
                let events = people.flatMap { person in
                    (0..<Int.random(in: 0...7, using: &generator)).map { _ in
                        SignInEvent(
                            id: .random(), type: types.randomElement(using: &generator) ?? .signIn, userID: person,
                            occurredAt: .now)
                    }
                }
                _ = try await Sample.record(events.shuffled(using: &generator), client)
            }
        }
    }

    @Test("Whatever happened, it agrees with the tables and names every event once", arguments: 0..<12)
    func property(seed: UInt64) async throws {
        var generator = SeededGenerator(seed: seed)
        try await TestDatabase.with { database in
            let client = database.client
            let people = (0..<3).map { _ in Identifier.random() }
            try await live(client, people, &generator)
            try await Sample.deliver(client)
            for person in people {
                let whole = try await ExplanationTests.explain(
                    client, person, limit: .random(in: 1...20, using: &generator))
                check(whole)
                let rows = try await ProgressRows(client).list(of: person, limit: 100)
                let explained = Dictionary(uniqueKeysWithValues: whole.quests.map { ($0.quest.id, $0) })
                for row in rows {
                    let quest = try #require(explained[row.questID])
                    #expect(quest.standing.progress == row.progress && quest.standing.limitReached == row.limitReached)
                    #expect(quest.standing.catalogRevision == row.catalogRevision && !quest.differs)
                }
                #expect(whole.quests.allSatisfy { !$0.differs })
                for (quest, completions) in whole.completions {
                    for (ordinal, completion) in completions {
                        // The cause filled the streak, so it stands in it, and last.
                        let cause = try #require(completion.causeID)
                        #expect(whole.streaks[quest]?[ordinal]?.contains(cause) == true)
                        let place = whole.events.first { $0.id == cause }?.countedFor.first { $0.questID == quest }
                        #expect(place?.place == completion.goal)
                        #expect(completion.claim != nil)
                    }
                }
                let count = try await client.query(
                    """
                    SELECT count(*) FROM processing.events
                    WHERE user_id = \(person) AND event_type <> 'QuestCompleted'
                    """)
                #expect(try count.first?.decode(0, as: Int64.self) == Int64(whole.events.count))
                #expect(Set(whole.events.map(\.id)).count == whole.events.count)
            }
            let report = try await Verification(client).run { _ in }
            #expect(report.differences == 0)
        }
    }
}
