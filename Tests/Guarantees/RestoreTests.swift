import Domain
import Foundation
import Postgres
import Redis
import Storage
import Streams
import TestSupport
import Testing

extension Guarantees {
    /// A database that comes back from a backup: what came after it is still in the streams.
    @Suite struct Restores {
        private func postgres(_ program: String, _ arguments: [String]) async throws {
            let folder =
                ProcessInfo.processInfo.environment["QUESTLINE_TEST_POSTGRES_BIN"] ?? "/usr/lib/postgresql/15/bin"
            let process = ChildProcess(["\(folder)/\(program)"] + arguments, name: program)
            guard try await process.exitCode(within: .seconds(120)) == 0 else {
                throw Unrecoverable("\(program): \(process.lines.suffix(5))")
            }
        }

        @Test(.timeLimit(.minutes(5))) func aRestoredDatabaseGetsBackWhatCameAfterTheDump() async throws {
            try await Stage.withPrivatePostgres { stage, postgres in
                try await postgres.start()
                try await stage.migrate(["QUESTLINE_QUEST_AUTO_CLAIM": "true"])
                let url = postgres.url
                let maintenance = "postgres://postgres@127.0.0.1:\(postgres.port)/template1"
                let dump = FileManager.default.temporaryDirectory.appending(path: "questline-\(UUID().uuidString).dump")
                    .path
                defer { try? FileManager.default.removeItem(atPath: dump) }
                let people = (0..<300).map { _ in Identifier.random() }
                var workers = try await stage.workers(2, ["QUESTLINE_BATCH": "100"])
                let early = people.flatMap { SignIns.person(4, id: $0) }.shuffled()
                try await stage.publish(early)
                try await stage.settle(recording: early.count)
                let since = Timestamp.now
                // The dump is taken in the middle of traffic, which goes on until it has ended.
                let during = people.flatMap { SignIns.person(4, id: $0) }.shuffled()
                async let live: Void = stage.publish(during, producers: 2)
                try await eventually("some of it is recorded") { try await stage.recorded > early.count }
                let isDumped = Flag()
                async let strangers = {
                    var events: [SignInEvent] = []
                    repeat {
                        let some = SignIns.crowd(3, each: 1)
                        try await stage.publish(some)
                        events += some
                    } while !isDumped.isRaised
                    return events
                }()
                try await self.postgres("pg_dump", ["--format=custom", "--file=\(dump)", url])
                isDumped.raise()
                try await live
                let behind = SignIns.crowd(10, each: 1)
                try await stage.publish(behind)
                let later = during + (try await strangers) + behind
                try await stage.settle(recording: early.count + later.count)
                #expect(try await stage.claims == 600)

                for worker in workers { try await worker.kill() }
                try await self.postgres("dropdb", ["--force", "--maintenance-db=\(maintenance)", "postgres"])
                try await self.postgres("createdb", ["--maintenance-db=\(maintenance)", "postgres"])
                try await self.postgres("pg_restore", ["--exit-on-error", "--dbname=\(url)", dump])
                try await eventually("the database answers") { try await stage.recorded >= early.count }
                #expect(try await stage.recorded < early.count + later.count, "the dump is to be the older one")

                let (code, lines) = try await stage.run(.worker, ["rewind", "--since", since.description])
                #expect(code == 0, "\(lines)")
                #expect(lines.last?.contains("\(later.count) entries are delivered again") == true, "\(lines)")
                workers = try await stage.workers(2, ["QUESTLINE_BATCH": "100"])
                let last = people.flatMap { [SignIns.event(of: $0)] }
                try await stage.publish(last)
                let verified = try await stage.run(.worker, ["verify", "--wait"])
                #expect(verified.code == 0, "\(verified.lines.suffix(5))")
                #expect(try await stage.missing((early + later + last).map(\.id)).isEmpty)
                #expect(try await stage.recorded == early.count + later.count + last.count)
                #expect(try await stage.claims == 600)
                #expect(try await stage.number("SELECT count(*) FROM auth.users WHERE diamond = 20") == 300)
                #expect(try await stage.number("SELECT count(*) FROM auth.wallet_entries") == 600)
                #expect(try await stage.redis.send(["XLEN", stage.keys.deadLetters]).integer == 0)
                #expect(workers.allSatisfy { $0.isRunning })
            }
        }

        @Test(.timeLimit(.minutes(2))) func rewindRefusesWhatItCannotDoAndTheLagStaysKnown() async throws {
            try await Stage.with { stage in
                let early = SignIns.crowd(50, each: 2)
                try await stage.publish(early)
                let worker = try await stage.worker()
                try await stage.settle(recording: early.count)
                let past = try await stage.run(.worker, ["rewind", "--since", "1h", "--group", "claims"])
                #expect(past.code == 1 && past.lines.contains { $0.contains("the group stands at 0-0") })
                let future = try await stage.run(.worker, ["rewind", "--since", "2999-01-01T00:00:00Z"])
                #expect(future.code == 1 && future.lines.contains { $0.contains("is in the future") })
                #expect(try await stage.run(.worker, ["rewind", "--since", "yesterday"]).code == 64)
                #expect(try await stage.run(.worker, ["rewind"]).code == 64)
                let back = try await stage.run(.worker, ["rewind", "--since", "1h"])
                #expect(back.code == 0 && back.lines.last?.contains("100 entries are delivered again") == true)
                try await eventually("all are delivered again") { try await stage.isSettled() }
                #expect(try await stage.recorded == early.count)
                _ = try await stage.redis.send(["XTRIM", stage.keys.signIns, "MAXLEN", "=", 10])
                let gap = try await stage.run(.worker, ["rewind", "--since", "1h"])
                #expect(gap.code == 1 && gap.lines.contains { $0.contains("is the earliest time from which on") })
                let allowed = try await stage.run(.worker, ["rewind", "--since", "1h", "--allow-gap"])
                #expect(allowed.code == 0 && allowed.lines.last?.contains("10 entries are delivered again") == true)
                try await eventually("the lag is known and nothing is left") {
                    try await stage.redis.send(["XINFO", "GROUPS", stage.keys.signIns])[0]?
                        .value(named: "lag")?.integer == 0
                }
                #expect(worker.isRunning)
                try await stage.verify()
            }
        }
    }
}
