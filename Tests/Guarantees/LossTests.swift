import Domain
import Foundation
import Postgres
import Redis
import Streams
import TestSupport
import Testing

extension Guarantees {
    /// What Redis may lose is bounded, named once, and put back where anything else still has it.
    @Suite struct Losses {
        @Test(.timeLimit(.minutes(3))) func inOutboxModeAFlushLosesNothing() async throws {
            try await Stage.withPrivateRedis { stage, _ in
                try await stage.migrate()
                let front = try await stage.front(["QUESTLINE_ACCEPT": "outbox"])
                let relay = try await stage.worker(roles: "relay,janitor")
                let ids = try await inParallel(40) { _ in
                    let id = Identifier.timeOrdered(at: .now)
                    let answer = try await front.ingest(id, of: .random())
                    #expect(answer.status == 202)
                    return id
                }
                try await eventually("all are in the stream, and seen there") {
                    let seen = try await stage.number(
                        "SELECT coalesce(max(undone), 0) FROM processing.stream_positions")
                    return try await stage.number("SELECT count(*) FROM auth.outbox WHERE published_at IS NULL") == 0
                        && seen == 40
                }
                _ = try await stage.redis.send(["FLUSHALL"])
                try await relay.line(containing: "Redis has lost entries")
                _ = try await stage.worker()
                try await stage.settle(recording: 40)
                #expect(try await stage.missing(ids) == [])
                #expect(try await stage.recorded == 40)
                #expect(try await stage.number("SELECT count(*) FROM processing.losses") == 0, "nothing was lost")
                try await stage.verify()
            }
        }

        @Test(.timeLimit(.minutes(3))) func aFlushIsNamedOnceWithItsBound() async throws {
            try await Stage.withPrivateRedis { stage, _ in
                // Several janitors, one line and one row.
                let janitors = try await inParallel(3) { _ in try await stage.worker(roles: "janitor") }
                try await stage.publish(SignIns.crowd(5, each: 6))
                try await eventually("it is written down how far the stream is") {
                    try await stage.number("SELECT coalesce(max(undone), 0) FROM processing.stream_positions") == 30
                }
                _ = try await stage.redis.send(["FLUSHALL"])
                try await eventually("the loss is noted") {
                    try await stage.number("SELECT count(*) FROM processing.losses") > 0
                }
                _ = try await stage.worker()
                let later = SignIns.crowd(5, each: 8)
                try await stage.publish(later)
                try await stage.settle(recording: 40)
                let status = try await stage.run(.worker, ["status"])
                #expect(status.code == 1)
                let lost = status.lines.filter { $0.contains("LOST") }
                #expect(lost.count == 1, "\(status.lines)")
                #expect(
                    lost.first?.contains("up to 30 entries of \(stage.keys.signIns), last seen at 2") == true, "\(lost)"
                )
                #expect(janitors.flatMap { $0.lines(containing: "may be missing") }.count == 1)
                try await stage.verify()
            }
        }

        /// As after a power cut under `appendfsync everysec`: the newest entries are gone, and others come in their place.
        @Test(.timeLimit(.minutes(3))) func aLostTailIsNoticedThoughTheStreamIsLongerAgain() async throws {
            try await Stage.withPrivateRedis { stage, redis in
                let janitor = try await stage.worker(roles: "janitor")
                try await stage.publish(SignIns.crowd(5, each: 5))
                let file = redis.directory.appending(path: "appendonlydir/appendonly.aof.1.incr.aof")
                let size = try #require(
                    try FileManager.default.attributesOfItem(atPath: file.path)[.size] as? UInt64)
                try await stage.publish(SignIns.crowd(3, each: 5))
                try await eventually("it is written down how far the stream is") {
                    try await stage.number("SELECT coalesce(max(entries_added), 0) FROM processing.stream_positions")
                        == 40
                }
                let generation = try await StreamSurvey.take(stage.redis, keys: stage.keys).generation
                redis.kill()
                let handle = try FileHandle(forWritingTo: file)
                try handle.truncate(atOffset: size)
                try handle.close()
                try await redis.start()
                try await eventually("others come in their place") {
                    do { try await stage.publish(SignIns.crowd(5, each: 8)) } catch { return false }
                    return true
                }
                try await janitor.line(containing: "up to 40 may be missing")
                #expect(try await stage.number("SELECT at_most FROM processing.losses") == 40)
                let renewed = try await StreamSurvey.take(stage.redis, keys: stage.keys).generation
                #expect(renewed != generation, "the fronts can notice")
                _ = try await stage.worker()
                try await stage.settle(recording: 65)
                try await stage.verify()
            }
        }
    }
}
