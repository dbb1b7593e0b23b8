import Foundation
import Postgres
import TestSupport
import Testing

extension Guarantees {
    /// PgBouncer between the executables and Postgres.
    @Suite struct Poolers {
        @Test(.timeLimit(.minutes(2)), arguments: ["transaction", "statement"])
        func sharedSessionsAreRefused(mode: String) async throws {
            try await Stage.withPrivatePostgres { stage, postgres in
                try await postgres.start()
                try await stage.migrate()
                try await PgBouncer.with(mode, before: postgres) { bouncer in
                    let through = ["DATABASE_URL": bouncer.url]
                    let starts: [(Executable, [String])] = [(.worker, ["run"]), (.worker, ["migrate"]), (.front, [])]
                    for (executable, arguments) in starts {
                        let (code, lines) = try await stage.run(executable, arguments, through)
                        #expect(code == 64, "\(arguments): \(lines)")
                        #expect(
                            lines.contains { $0.contains("wrong setting: DATABASE_URL leads to a pooler") },
                            "\(arguments): \(lines)")
                        #expect(!lines.contains { $0.contains("working") || $0.contains("listening") })
                    }
                    let (code, lines) = try await stage.run(.worker, ["verify"], through)
                    #expect(code == 1 && lines.contains { $0.contains("leads to a pooler") }, "\(lines)")
                    // What others share was told nothing of ours.
                    let other = ChildProcess(
                        ["psql", "-X", "-A", "-t", "-c", "SHOW enable_seqscan", bouncer.url], name: "psql")
                    _ = try await other.exitCode()
                    #expect(other.lines == ["on"])
                }
            }
        }

        /// Sessions are lent and taken back all the time, so one that is free by chance proves nothing.
        @Test(.timeLimit(.minutes(2)), arguments: [2, 8])
        func sharedSessionsAreRefusedOfABusyPoolerToo(sessions: Int) async throws {
            try await Stage.withPrivatePostgres { stage, postgres in
                try await postgres.start()
                try await stage.migrate()
                try await PgBouncer.with("transaction", before: postgres, sessions: sessions) { bouncer in
                    let isDone = Flag()
                    async let others: Void = Poolers.keepBusy(bouncer.url, until: isDone)
                    for _ in 0..<5 {
                        let (code, lines) = try await stage.run(.worker, ["migrate"], ["DATABASE_URL": bouncer.url])
                        #expect(code == 64, "\(lines)")
                    }
                    isDone.raise()
                    try await others
                }
            }
        }

        @Test(.timeLimit(.minutes(3))) func sessionsOfOnesOwnWork() async throws {
            try await Stage.withPrivatePostgres { stage, postgres in
                try await postgres.start()
                try await PgBouncer.with("session", before: postgres) { bouncer in
                    let through = ["DATABASE_URL": bouncer.url]
                    try await stage.migrate(through)
                    let front = try await stage.front(through)
                    _ = try await stage.worker(through)
                    _ = try await front.signUp("patient")
                    let events = try await front.signInAndIngest("patient", times: 8)
                    try await stage.settle(recording: events.count)
                    #expect(try await stage.missing(events) == [])
                    let (code, lines) = try await stage.run(.worker, ["verify"], through)
                    #expect(code == 0, "\(lines)")
                    let (_, status) = try await stage.run(.worker, ["status"], through)
                    #expect(status.contains { $0.contains("2 processes may open 18") }, "\(status)")
                }
            }
        }

        /// `psql` without anything that lasts longer than its statement, as any other user of the pooler.
        private static func keepBusy(_ url: String, until isDone: Flag) async throws {
            try await inParallel(6) { _ in
                while !isDone.isRaised {
                    let psql = ChildProcess(
                        ["psql", "-X", "-q", "-c", "SELECT pg_sleep(0.002) FROM generate_series(1, 30)", url],
                        name: "psql")
                    _ = try await psql.exitCode()
                }
            }
        }
    }
}
