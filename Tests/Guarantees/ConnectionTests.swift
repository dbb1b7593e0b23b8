import Foundation
import TestSupport
import Testing

extension Guarantees {
    /// What all processes together may open, against what Postgres allows.
    @Suite struct ConnectionLimits {
        @Test(.timeLimit(.minutes(2))) func aProcessThatCannotFitIsRefused() async throws {
            try await Stage.withPrivatePostgres { stage, postgres in
                try await postgres.start(["max_connections": "11", "superuser_reserved_connections": "3"])
                try await stage.migrate()
                let (code, lines) = try await stage.run(.front, [], ["QUESTLINE_POOL": "5"])
                #expect(code == 64, "\(lines)")
                #expect(
                    lines.contains {
                        $0.contains("QUESTLINE_POOL does not fit: this process may open 9 connections")
                            && $0.contains("Postgres allows 8 in all (max_connections, without 3 that are reserved)")
                    }, "\(lines)")
                let worker = try await stage.run(.worker, ["run"], ["QUESTLINE_POOL": "9"])
                #expect(worker.code == 64 && worker.lines.contains { $0.contains("may open 9 connections") })
            }
        }

        @Test(.timeLimit(.minutes(2))) func aFleetThatMayNotFitIsNamedByWhoeverComesLast() async throws {
            try await Stage.withPrivatePostgres { stage, postgres in
                try await postgres.start(["max_connections": "25", "superuser_reserved_connections": "3"])
                try await stage.migrate()
                let front = try await stage.front(["QUESTLINE_POOL": "4"])
                let first = try await stage.worker(["QUESTLINE_POOL": "7"])
                #expect(front.process.lines(containing: "connections to Postgres").isEmpty)
                #expect(first.lines(containing: "connections to Postgres").isEmpty)
                let second = try await stage.worker(["QUESTLINE_POOL": "8"])
                let line = try await second.line(containing: "connections to Postgres")
                #expect(line.contains("3 processes of Questline may open 23 connections to Postgres"), "\(line)")
                #expect(line.contains("but 22 are allowed (max_connections, without 3 that are reserved)"), "\(line)")
                let (_, status) = try await stage.run(.worker, ["status"])
                #expect(status.contains { $0.hasPrefix("connections: 22 allowed") }, "\(status)")
                #expect(status.contains { $0.hasPrefix("WARNING: 3 processes of Questline may open 23") }, "\(status)")
                // Whoever has gone counts no more.
                try await second.signal(SIGTERM)
                #expect(try await second.exitCode() == 0)
                try await eventually("it has gone") {
                    try await stage.run(.worker, ["status"]).lines.contains { $0.contains("2 processes may open 15") }
                }
            }
        }
    }
}
