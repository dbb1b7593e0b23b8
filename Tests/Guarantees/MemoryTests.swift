import Domain
import TestSupport
import Testing

extension Guarantees {
    @Suite struct Memory {
        /// With a backlog of half a million entries, a worker holds no more than its batches.
        @Test(.enabled(if: Guarantees.isLong), .timeLimit(.minutes(15))) func aBacklogDoesNotFillAWorker() async throws
        {
            try await Stage.with { stage in
                let people = (0..<100_000).map { _ in Identifier.random() }
                for _ in 0..<5 {
                    try await stage.publish(people.shuffled().map { SignIns.event(of: $0) })
                }
                let worker = try await stage.worker()
                var most = 0
                try await eventually("the backlog is drained", within: .seconds(600), every: .milliseconds(100)) {
                    most = max(most, try await worker.memory("RssAnon"))
                    return try await stage.recorded == 500_000
                }
                print("a worker's anonymous memory with a backlog of 500,000: at most \(most / 1_048_576) MiB")
                #expect(most < 60_000_000)
            }
        }
    }
}
