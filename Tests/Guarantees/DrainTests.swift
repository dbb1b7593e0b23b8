import Domain
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
    }
}
