import Domain
import Redis
import Streams
import TestSupport
import Testing

@Suite struct ConsumerGroupTests {
    @Test func deliversInOrderAndOnceUntilAcknowledged() async throws {
        try await Sample.with { sample in
            let (one, two) = (sample.consumer("one"), sample.consumer("two"))
            let made = try await one.ensure()
            let madeAgain = try await two.ensure()
            #expect(made && !madeAgain)
            let events = Sample.events(10)
            try await sample.producer.publish(Array(events.prefix(1)))
            try await sample.producer.publish(Array(events.dropFirst()))
            try await sample.producer.publish([SignInEvent]())
            let first = try await one.read(count: 6, block: .milliseconds(1))
            let second = try await two.read(count: 100, block: .milliseconds(1))
            #expect(try (Array(first) + Array(second)).map { try SignInEntry.decode($0) } == events)
            #expect(first.count == 6)
            #expect(first.ids == first.ids.sorted())
            #expect(try await one.read(count: 1, block: .milliseconds(1)).isEmpty)
            #expect(try await one.acknowledge(first.ids + second.ids) == 10)
            #expect(try await one.acknowledge(first.ids) == 0)
            #expect(try await one.acknowledge([]) == 0)
        }
    }

    /// What is told goes first, and nothing that is wrong with it keeps entries from being acknowledged.
    @Test func tellsAndThenAcknowledges() async throws {
        try await Sample.with { sample in
            let (one, keys) = (sample.consumer("one"), sample.keys)
            let completions = (1...3).map { Sample.completion($0) }
            var tidings: RedisPipeline = []
            tidings.add(sample.producer.publication(of: completions[...]))
            tidings.add(["SET", keys.changed, "the last one told"])
            try await sample.producer.publish(Sample.events(3))
            let ids = try await one.read(count: 3, block: .milliseconds(1)).ids
            #expect(try await one.acknowledge(Array(ids.prefix(2)), after: tidings) == 2)
            let told = ConsumerGroup(
                reads: sample.redis.client, commands: sample.redis.client, stream: keys.completions, group: "claims",
                consumer: "one")
            let read = try await told.read(count: 10, block: .milliseconds(1))
            #expect(try read.map { try CompletionEntry.decode($0) } == completions)
            #expect(try await sample.redis.client.send(["GET", keys.changed]).string == "the last one told")
            // Now the stream's key holds something else, so that each XADD is refused.
            _ = try await sample.redis.client.send(["SET", keys.completions, "no stream"])
            #expect(try await one.acknowledge(ids, after: tidings) == 1)
            _ = try await sample.redis.client.send(["SET", keys.signIns, "no stream"])
            let error = await #expect(throws: RedisError.self) { try await one.acknowledge(ids, after: tidings) }
            #expect(error?.prefix == "WRONGTYPE")
        }
    }

    @Test func readsWhatComesWhileItBlocks() async throws {
        try await Sample.with { sample in
            let reads = sample.redis.client.dedicated(name: "reads")
            let consumer = ConsumerGroup(
                reads: reads, commands: sample.redis.client, stream: sample.keys.signIns, group: "progress",
                consumer: "one")
            try await consumer.ensure()
            let reading = Task { try await consumer.read(count: 10, block: .seconds(20)) }
            let events = Sample.events(1)
            try await sample.producer.publish(events)
            #expect(try await reading.value.map { try SignInEntry.decode($0) } == events)
            await reads.close()
        }
    }

    @Test func makesALostGroupAgainAndFindsEverything() async throws {
        try await Sample.with { sample in
            let consumer = sample.consumer()
            let events = Sample.events(3)
            try await sample.producer.publish(events)
            // Never made at all: the stream existed first.
            #expect(try await consumer.read(count: 10, block: .milliseconds(1)).count == 3)
            _ = try await sample.redis.client.send(["XGROUP", "DESTROY", sample.keys.signIns, consumer.group])
            #expect(try await consumer.read(count: 10, block: .milliseconds(1)).count == 3)
            _ = try await sample.redis.client.send(["DEL", sample.keys.signIns])
            #expect(try await consumer.read(count: 10, block: .milliseconds(1)).isEmpty)
            _ = try await sample.redis.client.send(["DEL", sample.keys.signIns])
            #expect(try await consumer.reclaim(minIdle: .zero, count: 10).entries.isEmpty)
            #expect(try await consumer.removeIdleConsumers(idle: .zero).isEmpty)
            try await sample.producer.publish(events)
            #expect(try await consumer.read(count: 10, block: .milliseconds(1)).count == 3)
        }
    }

    @Test func aStreamRemovedDuringAReadIsMadeAgain() async throws {
        try await Sample.with { sample in
            let reads = sample.redis.client.dedicated(name: "reads")
            let consumer = ConsumerGroup(
                reads: reads, commands: sample.redis.client, stream: sample.keys.signIns, group: "progress",
                consumer: "one")
            try await consumer.ensure()
            let reading = Task { try await consumer.read(count: 10, block: .seconds(20)) }
            try await sample.redis.waitUntilBlocked(reads)
            _ = try await sample.redis.client.send(["DEL", sample.keys.signIns])
            let events = Sample.events(1)
            // Blocked again on the stream that was made again.
            try await sample.redis.waitUntilBlocked(reads)
            try await sample.producer.publish(events)
            #expect(try await reading.value.map { try SignInEntry.decode($0) } == events)
            await reads.close()
        }
    }

    @Test func publishesMoreThanOneStepHolds() async throws {
        try await Sample.with { sample in
            let events = Sample.events(2_500)
            try await sample.producer.publish(events)
            let batch = try await sample.consumer().read(count: 4_000, block: .milliseconds(1))
            #expect(try batch.map { try SignInEntry.decode($0) } == events)
        }
    }

    @Test func aMalformedEntryIsOneBadEntryAmongGoodOnes() async throws {
        try await Sample.with { sample in
            let events = Sample.events(2)
            try await sample.producer.publish([events[0]])
            let bytes: [UInt8] = [0, 0xff, 0x0a]
            _ = try await sample.redis.client.send(RedisCommand("XADD", [sample.keys.signIns, "*"], [bytes, bytes]))
            try await sample.producer.publish([events[1]])
            let batch = try await sample.consumer().read(count: 10, block: .milliseconds(1))
            let decoded = batch.map { try? SignInEntry.decode($0) }
            #expect(decoded == [events[0], nil, events[1]])
            #expect(batch[1].rawFields.map(\.value) == [bytes])
        }
    }

    @Test func reclaimsFromTheDeadWithCountsAndWithoutTheDeleted() async throws {
        try await Sample.with { sample in
            let (dead, alive) = (sample.consumer("dead"), sample.consumer("alive"))
            try await sample.producer.publish(Sample.events(5))
            let given = try await dead.read(count: 5, block: .milliseconds(1))
            #expect(try await alive.reclaim(minIdle: .seconds(3_600), count: 10).entries.isEmpty)
            _ = try await sample.redis.client.send(["XDEL", sample.keys.signIns, given[1].id])
            let first = try await alive.reclaim(minIdle: .zero, count: 2)
            let rest = try await alive.reclaim(minIdle: .zero, count: 100, after: try #require(first.next))
            let all = first.entries + rest.entries
            #expect(all.map(\.entry.id) == given.ids.filter { $0 != given[1].id })
            #expect(all.allSatisfy { $0.deliveries == 2 })
            #expect(first.deleted + rest.deleted == [given[1].id])
            #expect(rest.next == nil)
            // It stays on the list until somebody has written it down and acknowledges it.
            #expect(try await alive.acknowledge([given[1].id]) == 1)
            let again = try await alive.reclaim(minIdle: .zero, count: 100)
            #expect(again.entries.map(\.deliveries) == [3, 3, 3, 3])
            #expect(again.entries.map { $0.entry["event_id"] } == all.map { $0.entry["event_id"] })
            #expect(try await alive.acknowledge(again.entries.map(\.entry.id)) == 4)
        }
    }

    @Test func removesOnlyConsumersThatHoldNothing() async throws {
        try await Sample.with { sample in
            let (holder, idle, own) = (sample.consumer("holder"), sample.consumer("idle"), sample.consumer("own"))
            try await sample.producer.publish(Sample.events(3))
            let held = try await holder.read(count: 1, block: .milliseconds(1))
            #expect(held.count == 1)
            // A consumer is known to the server from its first entry on.
            for consumer in [idle, own] {
                _ = try await consumer.acknowledge(try await consumer.read(count: 1, block: .milliseconds(1)).ids)
            }
            #expect(try await own.removeIdleConsumers(idle: .seconds(3_600)).isEmpty)
            #expect(try await own.removeIdleConsumers(idle: .zero) == ["idle"])
            _ = try await holder.acknowledge(held.ids)
            #expect(try await own.removeIdleConsumers(idle: .zero) == ["holder"])
        }
    }

    /// A publish to a full server is refused whole.
    @Test func aRefusedBatchLeavesNothingBehind() async throws {
        try await PrivateRedis.with { server in
            let client = RedisClient(try RedisConfiguration(url: server.url), logger: TestLog.logger)
            let producer = Producer(client, keys: StreamKeys())
            _ = try await client.send(["CONFIG", "SET", "maxmemory", "1"])
            let error = await #expect(throws: RedisError.self) { try await producer.publish(Sample.events(100)) }
            #expect(error?.prefix == "OOM")
            #expect(error?.isRetryable == true)
            #expect(error?.mayHaveHappened == false)
            _ = try await client.send(["CONFIG", "SET", "maxmemory", "0"])
            #expect(try await client.send(["XLEN", StreamKeys().signIns]).integer == 0)
            await client.close()
        }
    }
}
