import Domain
import Glibc
import TestSupport
import Testing

extension Guarantees {
    /// Workers that die, freeze, or are asked to go.
    @Suite struct Crashes {
        @Test(.timeLimit(.minutes(5))) func twoKilledWorkersLoseAndDoubleNothing() async throws {
            try await Stage.with { stage in
                let events = SignIns.crowd(6_250, each: 8)
                try await stage.publish(events)
                for share in [1, 2] {
                    let worker = try await stage.worker(["QUESTLINE_BATCH": "500"])
                    try await eventually("share \(share) is recorded", every: .milliseconds(5)) {
                        try await stage.recorded >= share * 8_000
                    }
                    try await worker.kill()
                    #expect(try await stage.recorded < events.count, "the worker was to die in the middle")
                }
                _ = try await stage.worker(["QUESTLINE_BATCH": "500"])
                try await stage.settle(recording: events.count)
                #expect(try await stage.recorded == events.count)
                #expect(try await stage.completions == 12_500)
                #expect(try await stage.claims == 12_500)
                try await stage.verify()
            }
        }

        /// Its connections stay open and may hold locks; the others go on, and what it held is taken over.
        @Test(.timeLimit(.minutes(3))) func aFrozenWorkerHoldsNobodyUp() async throws {
            try await Stage.with { stage in
                let frozen = try await stage.worker(["QUESTLINE_BATCH": "50"])
                let events = SignIns.crowd(250, each: 8)
                try await stage.publish(events)
                try await eventually("it is at work", every: .milliseconds(2)) { try await stage.recorded > 0 }
                try await frozen.signal(SIGSTOP)
                _ = try await stage.worker(["QUESTLINE_BATCH": "50"])
                try await stage.settle(recording: events.count)
                // What it had in hand is applied a second time, which changes nothing.
                try await frozen.signal(SIGCONT)
                let later = SignIns.event()
                try await stage.publish([later])
                try await stage.settle(recording: events.count + 1)
                #expect(try await stage.recorded == events.count + 1)
                #expect(try await stage.claims == 500)
                try await stage.verify()
            }
        }

        @Test(.timeLimit(.minutes(3))) func aBusyWorkerStopsPolitely() async throws {
            try await Stage.with { stage in
                let events = SignIns.crowd(2_500, each: 8)
                try await stage.publish(events)
                let worker = try await stage.worker(["QUESTLINE_BATCH": "200"])
                try await eventually("it is at work", every: .milliseconds(5)) { try await stage.recorded > 400 }
                try await worker.signal(SIGTERM)
                #expect(try await worker.exitCode(within: .seconds(10)) == 0)
                let recorded = try await stage.recorded
                #expect(recorded < events.count, "the worker was to be busy")
                #expect(try await stage.pending == 0, "what it had read is acknowledged")
                #expect(worker.lines(containing: "did not stop") == [])
                _ = try await stage.worker()
                try await stage.settle(recording: events.count)
                #expect(try await stage.recorded == events.count)
                try await stage.verify()
            }
        }
    }
}
