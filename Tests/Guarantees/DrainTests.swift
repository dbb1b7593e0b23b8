import Domain
import Foundation
import Postgres
import Redis
import Streams
import TestSupport
import Testing

extension Guarantees {
    /// `verify --wait`: everything accepted until now, whatever comes behind it.
    @Suite struct Drains {
        @Test(.timeLimit(.minutes(3))) func endsUnderLiveTrafficWithEverythingDone() async throws {
            try await Stage.with(autoClaim: true) { stage in
                let events = SignIns.crowd(500, each: 8)
                try await stage.publish(events)
                let stop = Flag()
                // More is added all the while, faster than one at a time is waited for.
                async let live = {
                    var added = 0
                    while !stop.isRaised {
                        try await stage.publish(SignIns.crowd(5, each: 4))
                        added += 20
                    }
                    return added
                }()
                let verify = try stage.start(.worker, ["verify", "--wait", "--timeout", "100"])
                try await verify.line(containing: "waiting: \(stage.keys.signIns)")
                _ = try await stage.worker(["QUESTLINE_BATCH": "200"])
                #expect(try await verify.exitCode(within: .seconds(120)) == 0, "\(verify.lines.suffix(5))")
                #expect(try await stage.missing(events.map(\.id)).isEmpty)
                #expect(try await stage.claims >= 1_000)
                stop.raise()
                #expect(try await live > 0)
            }
        }

        @Test(.timeLimit(.minutes(2))) func saysWhatStillWaitsAndExits1() async throws {
            try await Stage.with { stage in
                let (code, lines) = try await stage.run(.worker, ["verify", "--wait", "--timeout", "1"])
                #expect(code == 0, "nothing waits: \(lines)")
                try await stage.publish(SignIns.person(3))
                let waiting = try await stage.run(.worker, ["verify", "--wait", "--timeout", "1"])
                #expect(waiting.code == 1)
                #expect(waiting.lines.contains { $0.contains("not done within 1 s: \(stage.keys.signIns)") })
                // Recorded, but nobody makes claims.
                _ = try await stage.worker(roles: "progress")
                let unclaimed = try await stage.run(.worker, ["verify", "--wait", "--timeout", "3"])
                #expect(unclaimed.code == 1)
                #expect(
                    unclaimed.lines.contains { $0.contains("not done within 3 s: processing.outbox: 1 completion") })
                _ = try await stage.worker(roles: "claims")
                let done = try await stage.run(.worker, ["verify", "--wait"])
                #expect(done.code == 0, "\(done.lines)")
                #expect(done.lines.last?.contains("0 on their way: no difference") == true)
                #expect(try await stage.run(.worker, ["verify", "--timeout", "-1"]).code == 64)
            }
        }

        /// What cannot be read is said within the limit, and without `--wait` at once.
        @Test(.timeLimit(.minutes(3))) func endsWithoutADatabaseOrItsSchema() async throws {
            try await Stage.withPrivatePostgres { stage, postgres in
                func fails(_ arguments: [String], _ words: String) async throws {
                    let (code, lines) = try await stage.run(.worker, arguments)
                    #expect(code == 1, "\(arguments)")
                    #expect(lines.contains { $0.contains(words) }, "\(arguments): \(lines)")
                }
                let away = "postgres: connect: connection"
                try await fails(["verify", "--wait", "--timeout", "2"], "not done within 2 s: \(away)")
                try await fails(["verify"], "failed: \(away)")
                try await fails(["replay"], "failed: \(away)")
                try await fails(["status"], "AWAY: Postgres: \(away)")
                try await postgres.start()
                let bare = "the database is not migrated (schema version 0"
                try await fails(["verify", "--wait", "--timeout", "2"], "waiting: \(bare)")
                try await fails(["verify", "--wait", "--timeout", "1"], "not done within 1 s: \(bare)")
                try await fails(["verify"], "failed: \(bare)")
                try await fails(["replay", "--apply"], "run questline-worker migrate")
                try await fails(["status"], "ALARM: \(bare)")
                let waiting = try stage.start(.worker, ["verify", "--wait", "--timeout", "100"])
                try await waiting.line(containing: "waiting: \(bare)")
                try await stage.migrate()
                #expect(try await waiting.exitCode(within: .seconds(60)) == 0, "\(waiting.lines)")
            }
        }

        @Test(.timeLimit(.minutes(2))) func statusSaysWhatMakesItRed() async throws {
            try await Stage.with { stage in
                func verdict() async throws -> (healthy: Bool?, alarms: [String]?, code: Int32) {
                    let (code, lines) = try await stage.run(.worker, ["status", "--json"])
                    let text = lines.drop { $0 != "{" }.joined(separator: "\n")
                    let json = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
                    return (json?["healthy"] as? Bool, json?["alarms"] as? [String], code)
                }
                let green = try await verdict()
                #expect(green.healthy == true && green.alarms == [] && green.code == 0)
                for _ in 0..<2 { _ = try await stage.redis.send(["XADD", stage.keys.deadLetters, "*", "a", "b"]) }
                _ = try await stage.database.query(
                    "INSERT INTO processing.losses (stream, reason) VALUES ('s', 'for a test')")
                let red = try await verdict()
                #expect(red.healthy == false && red.code == 1)
                #expect(
                    red.alarms == [
                        "2 dead letters wait for a person: questline-worker dead-letters",
                        "1 loss waits for a person: questline-worker losses",
                    ])
                let lines = try await stage.run(.worker, ["status"]).lines
                #expect(lines.count { $0.hasPrefix("ALARM: ") } == 2, "\(lines)")
                #expect(lines.last == "needs attention")
            }
        }
    }
}
