import Domain
import Glibc
import Redis
import Streams
import TestSupport
import Testing

extension Guarantees {
    /// Streams that are gone while sign-ins wait in them: the front still has what it accepted.
    @Suite struct LostStreams {
        enum Loss: CaseIterable {
            case flushWithoutWorker
            case flushWithFrozenWorker
            case flushUnderWay
            case removedStream
        }

        @Test(.timeLimit(.minutes(4)), arguments: Loss.allCases)
        func whatWasAcceptedIsRecorded(loss: Loss) async throws {
            try await Stage.withPrivateRedis { stage, _ in
                try await stage.migrate()
                let front = try await stage.front()
                let worker = try await stage.worker(["QUESTLINE_BATCH": "50"])
                let accepted = Ledger()
                async let load: Void = front.ingestManyTimes(clients: 8, each: 250, into: accepted)
                try await accepted.reach(300)
                switch loss {
                case .flushWithoutWorker: try await worker.kill()
                case .flushWithFrozenWorker, .removedStream: try await worker.signal(SIGSTOP)
                case .flushUnderWay: break
                }
                let before = accepted.events.count
                try await accepted.reach(before + 400)
                if loss == .removedStream {
                    let generation = try await StreamSurvey.take(stage.redis, keys: stage.keys).generation
                    _ = try await stage.redis.send(["DEL", stage.keys.signIns])
                    _ = try await StreamSurvey.renew(stage.redis, keys: stage.keys, from: generation)
                } else {
                    _ = try await stage.redis.send(["FLUSHALL"])
                }
                let lost = ContinuousClock.now
                let waiting = try await stage.missing(accepted.events)
                if loss != .flushUnderWay { #expect(waiting.count > 300, "they were to wait in the stream") }
                switch loss {
                case .flushWithoutWorker: _ = try await stage.worker()
                case .flushWithFrozenWorker, .removedStream: try await worker.signal(SIGCONT)
                case .flushUnderWay: break
                }
                let later = Identifier.timeOrdered(at: .now)
                #expect(try await front.ingest(later, of: .random()).status == 202)
                try await eventually("work goes on") { try await stage.isRecorded(later) }
                #expect(lost.duration(to: .now) < .seconds(5))
                try await load
                try await stage.settle(recording: 2_001)
                #expect(try await stage.missing(accepted.events + [later]) == [])
                #expect(try await stage.recorded == 2_001)
                if loss != .flushUnderWay {
                    let told = front.process.lines(containing: "published sign-ins again")
                    #expect(told.count == 1, "\(told)")
                }
                #expect(front.process.lines(containing: "Redis is away").isEmpty)
                try await stage.verify()
            }
        }
    }
}
