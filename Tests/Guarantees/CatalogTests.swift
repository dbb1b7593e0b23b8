import Domain
import Foundation
import FoundationNetworking
import Postgres
import Redis
import Storage
import Streams
import TestSupport
import Testing

extension Guarantees {
    /// Changes of the catalog while everything runs.
    @Suite struct Catalog {
        /// A quest as a front tells it.
        private func streak(_ answer: Front.Answer) -> Int? {
            (try? JSONSerialization.jsonObject(with: answer.body) as? [String: Any])?["streak"] as? Int
        }

        private func admin(_ stage: Stage, _ front: Front) async throws -> [String: String] {
            try await stage.migrate()
            let answer = try await front.signIn("admin", password: "admin-password")
            let token = try #require(answer.text("access_token"))
            return ["Authorization": "Bearer \(token)", "If-Match": "*"]
        }

        private func quest(_ stage: Stage) async throws -> Identifier {
            // Not from the table whose searches are counted below.
            let rows = try await stage.database.query(
                "SELECT quest_id FROM catalog.quest_versions LIMIT 1", operation: "observe")
            return try #require(try rows.first?.decode(0, as: Identifier.self))
        }

        @Test(.timeLimit(.minutes(10)))
        func aChangeIsReadByAnotherFrontAndUsedByAWorkerWithin100Milliseconds() async throws {
            try await Stage.with { stage in
                let (one, other) = (try await stage.front(), try await stage.front())
                _ = try await stage.worker()
                let headers = try await admin(stage, one)
                let path = "/api/v1/quests/\(try await quest(stage))"
                // The other front has the old value in its memory all the time.
                let stop = Flag()
                let traffic = Task {
                    while !stop.isRaised { _ = try await other.send("GET", path) }
                }
                var (latest, events) = (Duration.zero, [(id: Identifier, streak: Int)]())
                for round in 0..<(Guarantees.isLong ? 1_000 : 50) {
                    let new = 3 + round % 7
                    let changed = try await one.send(
                        "PATCH", path, json: "{\"streak\": \(new), \"description\": \"\(round)\"}", headers: headers)
                    let answered = ContinuousClock.now
                    try #require(changed.status == 200, "\(String(decoding: changed.body, as: UTF8.self))")
                    #expect(try await one.send("GET", path).body == changed.body, "a stale read after the answer")
                    let event = SignIns.event()
                    try await stage.producer.publish([event])
                    events.append((id: event.id, streak: new))
                    // Asked from 100 ms on, the other one has to know; before that it may.
                    while true {
                        let asked = ContinuousClock.now
                        let answer = try await other.send("GET", path)
                        if answer.body == changed.body { break }
                        try #require(asked - answered < .milliseconds(100), "stale after \(asked - answered)")
                        latest = max(latest, asked - answered)
                    }
                }
                stop.raise()
                try await traffic.value
                try await stage.settle(recording: events.count)
                // An event that was published after the answer is counted under what was answered, or something later.
                let late = try await stage.number(
                    """
                    SELECT count(*) FROM unnest(\(events.map(\.id)), \(events.indices.map { "\($0)" })) AS e (id, round)
                    JOIN processing.events p USING (id)
                    JOIN catalog.quest_versions v ON v.description = e.round
                    WHERE p.catalog_revision < v.revision
                    """)
                #expect(late == 0)
                print("the last old answer of the other front was to a request sent after \(latest)")
                try await stage.verify()
            }
        }

        @Test(.timeLimit(.minutes(4)))
        func changesEverySecondUnderLoadLeaveNothingToMend() async throws {
            try await Stage.with(autoClaim: true) { stage in
                let front = try await stage.front()
                _ = try await stage.workers(2, ["QUESTLINE_BATCH": "200"])
                let headers = try await admin(stage, front)
                let path = "/api/v1/quests/\(try await quest(stage))"
                let end = ContinuousClock.now + (Guarantees.isLong ? .seconds(60) : .seconds(10))
                let changes = Task {
                    var round = 0
                    while ContinuousClock.now < end {
                        let change =
                            switch round % 5 {
                            case 0: #"{"streak": 2}"#
                            case 1: #"{"duplication": 5}"#
                            case 2: #"{"active": false}"#
                            case 3: #"{"active": true, "streak": 3}"#
                            default: #"{"duplication": 1, "auto_claim": false}"#
                            }
                        let answer = try await front.send("PATCH", path, json: change, headers: headers)
                        try #require([200, 503].contains(answer.status))
                        if answer.status == 200 { round += 1 }
                        try await Task.sleep(for: .milliseconds(Guarantees.isLong ? 1_000 : 500))
                    }
                    return round
                }
                let people = (0..<300).map { _ in Identifier.random() }
                // The admin has signed in.
                var published = 1
                while ContinuousClock.now < end {
                    try await stage.publish(
                        (0..<200).map { _ in SignIns.event(of: people.randomElement() ?? people[0]) })
                    published += 200
                    let goal = published - 2_000
                    try await eventually("the workers keep up") { try await stage.recorded >= goal }
                }
                #expect(try await changes.value >= 8)
                try await stage.settle(recording: published)
                #expect(try await stage.recorded == published)
                #expect(
                    try await stage.number("SELECT count(DISTINCT catalog_revision) FROM processing.events") >= 5)
                try await stage.verify()
            }
        }

        @Test(.timeLimit(.minutes(3)))
        func aThousandColdReadsMakeOneQuery() async throws {
            try await Stage.with { stage in
                let id = try await quest(stage)
                // Brings the copies up to date, and tells what it has done.
                let (code, lines) = try await stage.run(.worker, ["catalog", "rebuild"])
                #expect(code == 0 && lines.contains { $0.contains("1 quests and 1 rewards") }, "\(lines)")
                // A reader whom a busy machine lets wait too long for the cache asks Postgres himself, whatever the others do: four
                // tries. There they may not all come at once, which is no try; it is not busy all the time.
                let end = ContinuousClock.now + .seconds(120)
                var queries: [Int?] = []
                while queries.last != 1, queries.count(where: { $0 != nil }) < 4, .now < end {
                    queries.append(try await coldReads(stage, of: id))
                }
                #expect(queries.last == 1, "\(queries)")
            }
        }

        /// - Returns: how many queries a thousand readers at once have made; nil if they did not all come at once.
        private func coldReads(_ stage: Stage, of id: Identifier) async throws -> Int? {
            try await sessionsHaveEnded(stage)
            let front = try await stage.front()
            _ = try await front.send("GET", "/api/v1/rewards/\(Identifier.random())")
            _ = try await stage.redis.send(["DEL", stage.keys.catalogQuest(id)])
            let before = try await stage.number(Catalog.scans)
            // So long as the table is locked nobody gets an answer, and all of them meet.
            let configuration = URLSessionConfiguration.ephemeral
            configuration.httpMaximumConnectionsPerHost = 1_000
            let session = URLSession(configuration: configuration)
            let url = front.url.appending(path: "/api/v1/quests/\(id)")
            let (haveMet, statuses) = try await stage.database.transaction(operation: "lock") { transaction in
                _ = try await transaction.query("LOCK TABLE catalog.quests IN ACCESS EXCLUSIVE MODE")
                let readers = Task {
                    try await inParallel(1_000) { _ in
                        try await (session.data(from: url).1 as? HTTPURLResponse)?.statusCode
                    }
                }
                // The front waits no longer than 5 s for the lock.
                let haveMet: Void? = try? await eventually("all have come", within: .seconds(4)) {
                    try FileManager.default.contentsOfDirectory(
                        atPath: "/proc/\(try await front.process.pid())/fd"
                    ).count > 1_000
                }
                _ = try await transaction.commit(after: [])
                return (haveMet != nil, try await readers.value)
            }
            #expect(!haveMet || statuses.count { $0 == 200 } == 1_000)
            await front.process.end()
            try await sessionsHaveEnded(stage)
            return haveMet ? try await stage.number(Catalog.scans) - before : nil
        }

        /// Sessions tell the server's statistics what they did when they end.
        private func sessionsHaveEnded(_ stage: Stage) async throws {
            try await eventually("the sessions of our processes have ended") {
                try await stage.number(
                    """
                    SELECT count(*) FROM pg_stat_activity
                    WHERE datname = current_database() AND application_name LIKE 'questline%'
                    """) == 0
            }
        }

        /// How often the table of quests was searched.
        private static let scans: SQL =
            "SELECT seq_scan + coalesce(idx_scan, 0) FROM pg_stat_all_tables WHERE relid = 'catalog.quests'::regclass"
    }
}
