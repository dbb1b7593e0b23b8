import Domain
import Redis
import TestSupport
import Testing

@testable import Streams

@Suite struct StreamSurveyTests {
    private func survey(_ sample: Sample) async throws -> StreamSurvey {
        try await StreamSurvey.take(sample.redis.client, keys: sample.keys)
    }

    @Test func seesNothingWhereNothingIs() async throws {
        try await Sample.with { sample in
            let survey = try await survey(sample)
            #expect(survey.signIns == survey.completions)
            #expect(survey.signIns.length == 0 && survey.signIns.entriesAdded == 0)
            #expect(survey.signIns.lastID == .zero && survey.signIns.firstID == nil && survey.signIns.group == nil)
            #expect(survey.deadLetters == 0)
            #expect(Identifier(survey.generation) != nil)
            #expect(survey.run.count == 40)
            #expect(survey.signIns.undone == 0)
        }
    }

    @Test func seesHowFarTheGroupIs() async throws {
        try await Sample.with { sample in
            let ids = try await sample.producer.publish(Sample.events(5))
            let before = try await survey(sample)
            #expect(before.signIns.group == nil && before.signIns.undone == 5)
            #expect(!before.signIns.isDone(ids[0]))
            let consumer = sample.consumer()
            try await consumer.ensure()
            let batch = try await consumer.read(count: 3, block: .milliseconds(1))
            let reading = try await survey(sample)
            #expect(reading.signIns.firstID == ids[0] && reading.signIns.lastID == ids[4])
            #expect(reading.signIns.entriesAdded == 5 && reading.signIns.length == 5)
            #expect(
                reading.signIns.group
                    == StreamSurvey.Group(
                        lastDelivered: ids[2], entriesRead: 3, lag: 2, pending: 3, oldestPending: ids[0],
                        oldestUndone: ids[0]))
            #expect(reading.signIns.undone == 5)
            #expect(ids.allSatisfy { !reading.signIns.isDone($0) })
            // The middle one is done; nothing tells whether the ones before it are.
            _ = try await consumer.acknowledge([batch[1].id])
            #expect(try await !survey(sample).signIns.isDone(ids[1]))
            _ = try await consumer.acknowledge([batch[0].id])
            let done = try await survey(sample).signIns
            #expect(ids.map { done.isDone($0) } == [true, true, false, false, false])
            _ = try await consumer.acknowledge([batch[2].id])
            let all = try await survey(sample).signIns
            #expect(ids.map { all.isDone($0) } == [true, true, true, false, false])
            #expect(all.group?.oldestPending == nil && all.group?.oldestUndone == ids[3] && all.undone == 2)
            #expect(try await survey(sample).breaks(with: before) == nil)
        }
    }

    @Test func countsTheLettersAndOnlyTheConfiguredGroup() async throws {
        try await Sample.with { sample in
            _ = try await sample.producer.publish(Sample.events(1))
            try await sample.consumer(group: "strangers").ensure()
            let entry = try #require(
                try await sample.consumer().read(count: 1, block: .milliseconds(1)).first)
            try await sample.letters.bury(entry, from: sample.consumer(), error: "x", deliveries: 1, at: .now)
            let survey = try await survey(sample)
            #expect(survey.deadLetters == 1)
            #expect(survey.signIns.isDone(entry.id), "a buried entry is done with")
            #expect(survey.completions.group == nil)
        }
    }

    @Test func leavesALagOpenThatTheServerCannotTell() async throws {
        try await Sample.with { sample in
            let ids = try await sample.producer.publish(Sample.events(4))
            try await sample.consumer().ensure()
            _ = try await sample.consumer().read(count: 1, block: .milliseconds(1))
            _ = try await sample.redis.client.send(["XDEL", sample.keys.signIns, ids[2]])
            let group = try #require(try await survey(sample).signIns.group)
            #expect(group.lag == nil && group.pending == 1)
            #expect(try await survey(sample).signIns.undone == nil)
        }
    }

    @Test func oneGenerationLastsUntilItIsLostOrRenewed() async throws {
        try await Sample.with { sample in
            let (redis, keys) = (sample.redis.client, sample.keys)
            let before = try await survey(sample)
            let generations = try await withThrowingTaskGroup(of: String.self) { group in
                for _ in 0..<8 { group.addTask { try await survey(sample).generation } }
                return try await group.reduce(into: Set()) { $0.insert($1) }
            }
            let first = before.generation
            #expect(generations == [first])
            let second = try await StreamSurvey.renew(redis, keys: keys, from: first)
            #expect(second != first)
            // Somebody else has noticed the same loss.
            #expect(try await StreamSurvey.renew(redis, keys: keys, from: first) == second)
            #expect(try await survey(sample).generation == second)
            _ = try await redis.send(["DEL", keys.generation])
            let third = try await survey(sample)
            #expect(third.generation != first && third.generation != second)
            #expect(third.breaks(with: before) == .newGeneration)
        }
    }

    @Test func aServerThatRefusesWritesCanBeAsked() async throws {
        try await PrivateRedis.with { server in
            let redis = RedisClient(try RedisConfiguration(url: server.url), logger: TestLog.logger)
            let keys = StreamKeys()
            let generation = try await StreamSurvey.take(redis, keys: keys).generation
            _ = try await redis.send(["CONFIG", "SET", "maxmemory", 1])
            #expect(try await StreamSurvey.take(redis, keys: keys).generation == generation)
            _ = try await redis.send(["CONFIG", "SET", "maxmemory", 0])
            _ = try await redis.send(["FLUSHALL"])
            _ = try await redis.send(["CONFIG", "SET", "maxmemory", 1])
            await #expect { _ = try await StreamSurvey.take(redis, keys: keys) } throws: { error in
                (error as? RedisError)?.prefix == "OOM"
            }
            _ = try await redis.send(["CONFIG", "SET", "maxmemory", 0])
            let before = try await StreamSurvey.take(redis, keys: keys)
            #expect(before.generation != generation)
            // The same data, another run.
            server.kill()
            try await server.start()
            let after = try await StreamSurvey.take(redis, keys: keys)
            #expect(after.generation == before.generation && after.run != before.run)
            #expect(after.breaks(with: before) == .newRun)
            await redis.close()
        }
    }

    @Test func tellsALongerStreamFromAnotherOne() async throws {
        try await Sample.with { sample in
            let (redis, key) = (sample.redis.client, sample.keys.signIns)
            let ids = try await sample.producer.publish(Sample.events(5))
            let before = try await survey(sample)
            _ = try await sample.producer.publish(Sample.events(3))
            #expect(try await survey(sample).breaks(with: before) == nil)
            // Trimmed beyond all that was seen, and emptied: nothing is lost.
            _ = try await redis.send(["XTRIM", key, "MAXLEN", "2"])
            #expect(try await survey(sample).breaks(with: before) == nil)
            _ = try await redis.send(["XDEL", key, ids[4]])
            _ = try await redis.send(["XTRIM", key, "MAXLEN", "0"])
            #expect(try await survey(sample).breaks(with: before) == nil)
            _ = try await redis.send(["DEL", key])
            #expect(try await survey(sample).breaks(with: before) == .lostEntries, "it is gone")
            _ = try await sample.producer.publish(Sample.events(2))
            #expect(try await survey(sample).breaks(with: before) == .lostEntries, "it is shorter")
            _ = try await sample.producer.publish(Sample.events(10))
            #expect(
                try await survey(sample).breaks(with: before) == .lostEntries,
                "it is longer than it was, and another one")
        }
    }
}
