import Domain
import Foundation
import Postgres
import Redis
import Storage
import Streams
import TestSupport
import Testing

extension Guarantees {
    /// What an operator does at the command line, with a real front beside.
    @Suite struct Admin {
        private func audited(_ stage: Stage) async throws -> [String] {
            try await AuditLog(stage.database).list(limit: 100).filter { $0.actor == "questline-worker" }
                .map { "\($0.action) \($0.subject)" }
        }

        /// Runs a command with something on its standard input.
        private func run(
            _ arguments: [String], input: String, _ stage: Stage
        ) async throws -> (code: Int32, lines: [String]) {
            let path = Executable.folder.appending(path: Executable.worker.rawValue).path
            let script = #"input=$1; shift; printf '%s' "$input" | "$@""#
            let process = ChildProcess(
                ["/bin/sh", "-c", script, "sh", input, path] + arguments, name: "questline-worker",
                environment: ProcessInfo.processInfo.environment.merging(stage.settings) { $1 })
            return (try await process.exitCode(), process.lines)
        }

        @Test(.timeLimit(.minutes(3))) func aPasswordIsResetAndSessionsEnd() async throws {
            try await Stage.with { stage in
                try await stage.migrate()
                let front = try await stage.front()
                let id = try await front.signUp("Ann")
                let token = try #require(try await front.signIn("Ann").text("access_token"))
                func status() async throws -> Int {
                    try await front.send("GET", "/api/v1/users/me", headers: ["Authorization": "Bearer \(token)"])
                        .status
                }
                #expect(try await status() == 200)
                let reset = ["admin", "reset-password"]
                let set = try await run(reset + ["Ann"], input: "new password 1\n", stage)
                #expect(set.code == 0, "\(set.lines)")
                #expect(!set.lines.joined().contains("new password 1"))
                try await eventually("the session has ended", within: .seconds(5)) { try await status() == 401 }
                #expect(try await front.signIn("Ann").status == 400)
                #expect(try await front.signIn("Ann", password: "new password 1").status == 200)
                let made = try await stage.run(.worker, reset + ["Ann", "--generate"])
                #expect(made.code == 0 && made.lines.count == 1, "\(made.lines)")
                let generated = try #require(made.lines.first)
                #expect(generated.count == 29)
                #expect(try await front.signIn("Ann", password: generated).status == 200)
                let again = try await stage.run(.worker, reset + ["Ann", "--generate"])
                #expect(again.lines != made.lines)
                // Nothing is done for what is wrong, and it is said.
                for (name, input, code, text) in [
                    ("Nobody", "new password 2", Int32(1), "there is no account 'Nobody'"),
                    ("a\u{1b}b", "new password 2", 1, "there is no account 'a\\u{1b}b'"),
                    ("Ann", "short\n", 64, "the password must have 8 to 128 characters"),
                    ("Ann", "", 64, "no password was given"), ("Ann", "\n", 64, "no password was given"),
                    ("Ann", String(repeating: "x", count: 5_000), 64, "at most 4096 bytes"),
                ] {
                    let wrong = try await run(reset + [name], input: input, stage)
                    #expect(wrong.code == code && wrong.lines.joined().contains(text), "\(wrong.lines)")
                }
                #expect(
                    try await audited(stage).filter { $0.hasPrefix("user.reset") }
                        == [String](repeating: "user.reset-password \(id)", count: 3))
            }
        }

        @Test(.timeLimit(.minutes(3))) func atATerminalItIsAskedForTwiceAndNotShown() async throws {
            try await Stage.with { stage in
                try await stage.migrate()
                let front = try await stage.front()
                _ = try await front.signUp("Ann")
                let path = Executable.folder.appending(path: Executable.worker.rawValue).path
                func typed(_ lines: [String]) throws -> ChildProcess {
                    // A terminal of its own; each line is typed once it is asked for.
                    let script = #"""
                        import os, pty, sys, time
                        pid, fd = pty.fork()
                        if pid == 0: os.execv(sys.argv[1], sys.argv[1:2] + ["admin", "reset-password", "Ann"])
                        said, lines = b"", sys.argv[2:]
                        while True:
                            try: part = os.read(fd, 1024)
                            except OSError: break
                            if not part: break
                            said += part
                            while lines and said.count(b": ") >= len(sys.argv[2:]) - len(lines) + 1:
                                os.write(fd, lines.pop(0).encode() + b"\n")
                        print(said.decode())
                        sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
                        """#
                    return ChildProcess(
                        ["python3", "-c", script, path] + lines, name: "terminal",
                        environment: ProcessInfo.processInfo.environment.merging(stage.settings) { $1 })
                }
                let good = try typed(["typed password", "typed password"])
                #expect(try await good.exitCode() == 0, "\(good.lines)")
                #expect(good.lines(containing: "New password:").count == 1)
                #expect(good.lines(containing: "typed password").isEmpty)
                #expect(try await front.signIn("Ann", password: "typed password").status == 200)
                let unlike = try typed(["another password", "another passwort"])
                #expect(try await unlike.exitCode() == 64)
                #expect(unlike.lines(containing: "are not the same").count == 1)
                let cancelled = try typed(["half a pass\u{3}", ""])
                #expect(try await cancelled.exitCode() == 64)
                #expect(try await front.signIn("Ann", password: "typed password").status == 200)
            }
        }

        @Test(.timeLimit(.minutes(3))) func rolesAndKeysAreGivenAndTaken() async throws {
            try await Stage.with { stage in
                try await stage.migrate()
                let front = try await stage.front()
                let id = try await front.signUp("Ann")
                func list() async throws -> Int {
                    let token = try await front.signIn("Ann").text("access_token") ?? ""
                    return try await front.send(
                        "GET", "/api/v1/users", headers: ["Authorization": "Bearer \(token)"]
                    ).status
                }
                #expect(try await list() == 403)
                for expected in ["Ann is admin now.", "Ann is admin already."] {
                    let granted = try await stage.run(.worker, ["admin", "grant", "Ann"])
                    #expect(granted.code == 0 && granted.lines == [expected])
                }
                #expect(try await list() == 200)
                #expect(try await stage.run(.worker, ["admin", "revoke", "Ann"]).lines == ["Ann is player now."])
                #expect(try await list() == 403)
                #expect(try await stage.run(.worker, ["admin", "grant", "Nobody"]).code == 1)
                let made = try await stage.run(.worker, ["admin", "create-key", "game"])
                #expect(made.code == 0 && made.lines.count == 1)
                let key = try #require(made.lines.first)
                func claims() async throws -> Int {
                    try await front.send("GET", "/api/v1/users/\(id)/claims", headers: ["X-API-Key": key]).status
                }
                try await eventually("the key is good", within: .seconds(5)) { try await claims() == 200 }
                let keys = try await stage.run(.worker, ["admin", "list-keys"])
                let line = try #require(keys.lines.first { $0.hasSuffix("in force  game") })
                let keyID = try #require(line.split(separator: " ").first.map(String.init))
                #expect(!keys.lines.joined().contains(key))
                for _ in 0..<2 {
                    #expect(try await stage.run(.worker, ["admin", "revoke-key", keyID]).lines == ["Revoked."])
                }
                try await eventually("the key is refused", within: .seconds(5)) { try await claims() == 401 }
                #expect(try await stage.run(.worker, ["admin", "revoke-key", "\(Identifier.random())"]).code == 1)
                #expect(try await stage.run(.worker, ["admin", "revoke-key", "x"]).code == 64)
                let rows = try await audited(stage)
                #expect(
                    rows.prefix(4) == [
                        "api-key.revoke \(keyID)", "api-key.create \(keyID)", "user.role \(id)", "user.role \(id)",
                    ])
                // What migrate has seeded.
                #expect(rows.count(where: { $0.hasPrefix("user.create") }) == 2)
            }
        }

        @Test(.timeLimit(.minutes(3))) func whatTheCommandLineDoesElsewhereIsWrittenDownToo() async throws {
            try await Stage.with { stage in
                try await stage.migrate()
                _ = try await stage.database.query(
                    "INSERT INTO processing.losses (stream, entry_id, reason) VALUES ('quest:signins', '1-1', 'a test')"
                )
                let loss = try await stage.database.query("SELECT loss_id FROM processing.losses")
                    .first?.decode(0, as: Int64.self)
                #expect(try await stage.run(.worker, ["losses", "dismiss", "--all"]).code == 0)
                #expect(try await stage.run(.worker, ["losses", "dismiss", "--all"]).code == 0)
                let letters = (0..<2).map { _ in
                    RedisCommand(
                        "XADD",
                        [
                            stage.keys.deadLetters, "*", "user_id", "nobody", "source", stage.keys.signIns, "source_id",
                            "1-1", "error", "e", "deliveries", "1", "failed_at", "2026-11-23T08:00:00.000Z",
                        ])
                }
                let ids = try await stage.redis.pipeline(RedisPipeline(letters)).compactMap(\.string)
                #expect(try await stage.run(.worker, ["dead-letters", "retry", ids[0]]).code == 0)
                #expect(try await stage.run(.worker, ["dead-letters", "drop", ids[1]]).code == 0)
                #expect(try await stage.run(.worker, ["rewind", "--since", "2026-01-01T00:00:00Z"]).code <= 1)
                // A row that no event explains is removed by replay, for somebody.
                let person = Identifier.random()
                _ = try await stage.database.query(
                    """
                    INSERT INTO processing.user_quest_rewards (user_id, quest_id, catalog_revision, status, streak,
                        duplication, last_events, last_goal, last_limit, last_start, last_completions)
                    SELECT \(person), quest_id, 1, 0, 2, 0, 2, 3, 2, 0, 0 FROM catalog.quests
                    """)
                #expect(try await stage.run(.worker, ["replay"]).code == 1)
                #expect(try await stage.run(.worker, ["replay", "--apply"]).code == 0)
                #expect(
                    try await audited(stage).prefix(5) == [
                        "progress.rebuild \(person)", "stream.rewind \(stage.keys.signIns) progress",
                        "dead-letter.drop \(ids[1])", "dead-letter.retry \(ids[0])", "loss.dismiss losses",
                    ])
                var filter = AuditLog.Filter()
                filter.action = "loss.dismiss"
                let rows = try await AuditLog(stage.database).list(filter, limit: 9)
                #expect(rows.map(\.details) == [#"{"loss_ids": [\#(loss ?? 0)]}"#])
            }
        }
    }
}
