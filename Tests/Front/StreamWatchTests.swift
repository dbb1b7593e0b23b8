import Domain
import Foundation
import Postgres
import Redis
import Storage
import Streams
import TestSupport
import Testing

@testable import HTTPFront

/// What the front does about streams that forget, and about streams that nobody reads.
@Suite("The watch over the streams", .serialized)
struct StreamWatchTests {
    private func ingest(_ count: Int, _ front: TestFront) async throws -> Set<Identifier> {
        let body = JSON.array((0..<count).map { _ in ["user_id": JSON(Identifier.random())] })
        let answer = try await front.key.send("POST", "/api/v1/sign-ins", json: body)
        #expect(answer.status == 202)
        guard case .array(let ids) = answer.json["event_ids"] else { return [] }
        return Set(ids.compactMap { $0.string.flatMap { Identifier($0) } })
    }

    private func with(
        _ settings: [String: String] = [:], options: [String] = [],
        _ body: (TestFront, PrivateRedis, RedisClient, StreamKeys) async throws -> Void
    ) async throws {
        try await PrivateRedis.with(options: options) { server in
            let own = ["REDIS_URL": server.url, "CACHE_REDIS_URL": server.url]
            let redis = RedisClient(try RedisConfiguration(url: server.url), logger: TestLog.logger)
            try await TestFront.with(own.merging(settings) { $1 }) { front in
                try await body(front, server, redis, front.keys)
            }
            await redis.close()
        }
    }

    private func published(_ redis: RedisClient, _ keys: StreamKeys) async throws -> [Identifier] {
        try await redis.send(["XRANGE", keys.signIns, "-", "+"]).elements.compactMap { StreamEntry($0) }
            .map { try SignInEntry.decode($0).id }
    }

    /// What is in the stream or in the outbox.
    private func held(_ front: TestFront, _ redis: RedisClient) async throws -> Set<Identifier> {
        let kept = try await front.database.client.query("SELECT event_id FROM auth.outbox", operation: "look")
        return Set(try await published(redis, front.keys) + kept.map { try $0.decode(0) })
    }

    @Test("After a flush everything that was not seen recorded is in the stream again, and nothing else")
    func flush() async throws {
        try await with { front, _, redis, keys in
            let recorded = try await ingest(10, front)
            let group = ConsumerGroup(
                reads: redis, commands: redis, stream: keys.signIns, group: StreamKeys.progressGroup, consumer: "test")
            try await group.ensure()
            let batch = try await group.read(count: 10, block: .milliseconds(1))
            _ = try await group.acknowledge(batch.ids)
            // Delivered and not acknowledged, and not delivered at all.
            let pending = try await ingest(5, front)
            _ = try await group.read(count: 5, block: .milliseconds(1))
            let waiting = try await ingest(1_000, front)
            try await eventually("the front has seen what is recorded") {
                front.recall.count == 1_005
            }
            _ = try await redis.send(["FLUSHALL"])
            try await eventually("they are published again") {
                Set(try await published(redis, keys)) == pending.union(waiting)
            }
            #expect(try await published(redis, keys).allSatisfy { !recorded.contains($0) })
            // And once more: what was published again is kept again.
            _ = try await redis.send(["FLUSHALL"])
            try await eventually("they are published a third time") {
                Set(try await published(redis, keys)) == pending.union(waiting)
            }
            #expect(try await SignInOutbox(front.database.client).backlog().count == 0)
        }
    }

    @Test(
        "A lost tail, a removed stream and a renewed generation are noticed", arguments: ["tail", "stream", "renewed"])
    func losses(kind: String) async throws {
        try await with { front, server, redis, keys in
            let first = try await ingest(3, front)
            // Written before what is lost.
            try await eventually("the front has looked") { front.recall.count == 3 }
            let file = try incrementalFile(server)
            let size = try file.resourceValues(forKeys: [.fileSizeKey]).fileSize ?? 0
            let second = try await ingest(4, front)
            switch kind {
            case "tail":
                server.kill()
                let handle = try FileHandle(forWritingTo: file)
                try handle.truncate(atOffset: UInt64(size))
                try handle.close()
                try await server.start()
                #expect(try await published(redis, keys).allSatisfy { !second.contains($0) })
            case "stream":
                _ = try await redis.send(["DEL", keys.signIns])
            default:
                let generation = try await StreamSurvey.take(redis, keys: keys).generation
                _ = try await redis.send(["DEL", keys.signIns])
                _ = try await StreamSurvey.renew(redis, keys: keys, from: generation)
            }
            try await eventually("all are in the stream or the outbox") {
                try await held(front, redis).isSuperset(of: first.union(second))
            }
        }
    }

    @Test("With Redis away nothing is forgotten, and what it lost meanwhile is published when it is back")
    func outage() async throws {
        try await with(options: ["--appendonly", "no"]) { front, server, redis, keys in
            let before = try await ingest(7, front)
            server.kill()
            let during = try await ingest(2, front)
            let outbox = SignInOutbox(front.database.client)
            #expect(try await outbox.backlog().count == 2)
            try await server.start()
            try await eventually("what the server lost is published or kept") {
                try await held(front, redis) == before.union(during)
            }
        }
    }

    @Test("In outbox mode nothing is kept in memory")
    func outboxMode() async throws {
        try await with(["QUESTLINE_ACCEPT": "outbox"]) { front, _, redis, keys in
            _ = try await ingest(5, front)
            try await eventually("they are published") { try await published(redis, keys).count == 5 }
            #expect(front.recall.count == 0)
        }
    }

    @Test("Beyond the limit on the backlog nothing is accepted until it is worked off")
    func backlogLimit() async throws {
        try await with(["QUESTLINE_BACKLOG_LIMIT": "10"]) { front, _, redis, keys in
            _ = try await ingest(6, front)
            let body = JSON.array((0..<5).map { _ in ["user_id": JSON(Identifier.random())] })
            let refused = try await front.key.send("POST", "/api/v1/sign-ins", json: body)
            #expect(refused.status == 503 && refused.problem == "unavailable")
            #expect(refused.headers["retry-after"] == "5")
            #expect(refused.text.contains("wait to be recorded"))
            _ = try await ingest(4, front)
            // Full, it refuses people too, who keep what they had.
            _ = try await front.signUp("Ann")
            _ = try await front.client.signIn("Ann", "password 1")
            let person = try await front.client.signIn("Ann", "password 1")
            #expect(person.status == 503 && person.headers["retry-after"] == "5")
            let group = ConsumerGroup(
                reads: redis, commands: redis, stream: keys.signIns, group: StreamKeys.progressGroup, consumer: "test")
            try await group.ensure()
            let batch = try await group.read(count: 100, block: .milliseconds(1))
            _ = try await group.acknowledge(batch.ids)
            try await eventually("it takes them") {
                try await front.key.send("POST", "/api/v1/sign-ins", json: body).status == 202
            }
        }
    }

    @Test("After a restart Redis tells a lag that is not there; the front is not taken in")
    func restart() async throws {
        try await with(["QUESTLINE_BACKLOG_LIMIT": "10"]) { front, server, redis, keys in
            let group = ConsumerGroup(
                reads: redis, commands: redis, stream: keys.signIns, group: StreamKeys.progressGroup, consumer: "test")
            try await group.ensure()
            let body = JSON.array((0..<9).map { _ in ["user_id": JSON(Identifier.random())] })
            for round in 0..<3 {
                // What is read after this is not counted in the file.
                if round == 1 { try await rewriteFile(redis) }
                try await eventually("they are taken") {
                    try await front.key.send("POST", "/api/v1/sign-ins", json: body).status == 202
                }
                let batch = try await group.read(count: 100, block: .milliseconds(1))
                _ = try await group.acknowledge(batch.ids)
                try await eventually("the front has seen that they are recorded") { front.recall.count == 0 }
            }
            server.kill()
            try await server.start()
            try await eventually("the stream takes one more") {
                let one: JSON = ["user_id": JSON(Identifier.random())]
                guard try await front.key.send("POST", "/api/v1/sign-ins", json: one).status == 202 else {
                    return false
                }
                return try await redis.send(["XLEN", keys.signIns]).integer ?? 0 > 27
            }
            // It waits, and with it, as the server has it, all the others.
            let lag = try await StreamSurvey.take(redis, keys: keys).signIns.group?.lag
            #expect((lag ?? 0) > 10, "the server was to be wrong")
            try await eventually("they are taken still") {
                try await front.key.send(
                    "POST", "/api/v1/sign-ins",
                    json: .array(Array(repeating: ["user_id": JSON(Identifier.random())], count: 5))
                ).status == 202
            }
        }
    }

    private func rewriteFile(_ redis: RedisClient) async throws {
        _ = try await redis.send(["BGREWRITEAOF"])
        try await eventually("the file is rewritten") {
            let info = try await redis.send(["INFO", "persistence"]).string ?? ""
            return info.contains("aof_rewrite_in_progress:0") && info.contains("aof_rewrite_scheduled:0")
                && info.contains("aof_last_bgrewrite_status:ok")
        }
    }

    private func incrementalFile(_ server: PrivateRedis) throws -> URL {
        let folder = server.directory.appending(path: "appendonlydir")
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: [.fileSizeKey])
        return try #require(files.first { $0.lastPathComponent.hasSuffix(".incr.aof") })
    }
}
