import Domain
import Redis
import Streams
import TestSupport
import Testing

@Suite("Stream conformance: delivery")
struct StreamConformanceDeliveryTests {
    @Test("What was added before anybody listened reaches every group, whole and in order")
    func beforeAnybodyListens() async throws {
        try await Sample.with { sample in
            let events = Sample.events(300)
            for event in events.prefix(20) { try await sample.producer.publish([event]) }
            try await sample.producer.publish(Array(events.dropFirst(20)))
            for group in ["progress", "somebody-else"] {
                let consumer = sample.consumer(group: group)
                var received: [SignInEvent] = []
                while received.count < 300 {
                    let batch = try await consumer.read(count: 70, block: .milliseconds(1))
                    try #require(!batch.isEmpty)
                    received += try StreamConformance.decode(batch)
                    _ = try await consumer.acknowledge(batch.ids)
                }
                #expect(received == events)
                #expect(
                    try await consumer.read(count: 10, block: .milliseconds(1)).isEmpty, "acknowledged, never again")
                #expect(try await consumer.reclaim(minIdle: .zero, count: 10).entries.isEmpty)
            }
        }
    }

    @Test("Of several consumers at once each entry has exactly one, in order, while nobody fails")
    func severalConsumers() async throws {
        try await Sample.with { sample in
            let events = Sample.events(2_000)
            let received = Locked<[SignInEvent]>([])
            let disorder = Locked(0)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    var rest = events[...]
                    while !rest.isEmpty {
                        let next = rest.prefix(.random(in: 1...60))
                        try await sample.producer.publish(Array(next))
                        rest = rest.dropFirst(next.count)
                    }
                }
                for number in 0..<4 {
                    group.addTask {
                        let party = try StreamConformance.Party(
                            url: sample.redis.url, prefix: sample.keys.prefix, name: "c\(number)")
                        let consumer = party.consumer("consumer-\(number)")
                        var last = StreamID.zero
                        while received.withLock({ $0.count }) < events.count {
                            let batch = try await consumer.read(count: .random(in: 1...40), block: .milliseconds(20))
                            if batch.ids != batch.ids.sorted() || batch.first.map({ $0.id <= last }) ?? false {
                                disorder.withLock { $0 += 1 }
                            }
                            last = batch.last?.id ?? last
                            let found = try StreamConformance.decode(batch)
                            received.withLock { $0 += found }
                            let acknowledged = try await consumer.acknowledge(batch.ids)
                            #expect(acknowledged == batch.count)
                        }
                        await party.close()
                    }
                }
                try await group.waitForAll()
            }
            let all = received.now
            #expect(all.count == events.count && Set(all) == Set(events))
            #expect(disorder.now == 0)
            let found = try await StreamStatus.read(sample.redis.client, stream: sample.keys.signIns).groups
            #expect(found.map(\.pending) == [0])
        }
    }

    @Test("What a dead consumer was given comes again after the idle time and not before, to one of those who ask")
    func deathOfAConsumer() async throws {
        try await Sample.with { sample in
            let events = Sample.events(40)
            try await sample.producer.publish(events)
            let dead = sample.consumer("dead")
            // The server's clock counts from the read; its answer may take long to be looked at.
            let begin = ContinuousClock.now
            let given = try await dead.read(count: 40, block: .milliseconds(1))
            _ = try await dead.acknowledge(Array(given.ids.prefix(10)))
            let idle = Duration.milliseconds(400)
            let taken = Locked<[(id: StreamID, after: Duration, deliveries: Int)]>([])
            try await withThrowingTaskGroup(of: Void.self) { group in
                for name in ["a", "b", "c"] {
                    group.addTask {
                        let heir = sample.consumer(name)
                        try await eventually("the rest comes again", every: .milliseconds(5)) {
                            let found = try await heir.reclaim(minIdle: idle, count: 4).entries
                            let after = ContinuousClock.now - begin
                            taken.withLock { $0 += found.map { ($0.entry.id, after, $0.deliveries) } }
                            _ = try await heir.acknowledge(found.map(\.entry.id))
                            return Set(taken.now.map(\.id)).count >= 30
                        }
                    }
                }
                try await group.waitForAll()
            }
            let all = taken.now
            #expect(Set(all.map(\.id)) == Set(given.ids.suffix(30)), "none that was acknowledged")
            #expect(Set(all.map { "\($0.id) \($0.deliveries)" }).count == all.count, "each time to one of them")
            // Each delivery a whole idle time after the one before, less what the server's clock rounds.
            #expect(all.allSatisfy { $0.after > idle * ($0.deliveries - 1) - .milliseconds(20) && $0.deliveries >= 2 })
        }
    }

    @Test("Values and names of any bytes, sizes and numbers come back byte for byte")
    func anyBytes() async throws {
        try await Sample.with { sample in
            var random = SeededGenerator(seed: 41)
            func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) } }
            let block = bytes(4_099)
            let large = (0..<1_200).flatMap { _ in block }
            let entries: [[[UInt8]]] = [
                [[0], [0]], [[], []], [Array("a\r\nb".utf8), Array("$-1\r\n*0\r\n".utf8)],
                [Array("same".utf8), [1], Array("same".utf8), [2]], [bytes(1), large],
                (0..<6_000).flatMap { _ in [bytes(3), bytes(8)] },
                (0...255).flatMap { [[UInt8($0)], [UInt8($0), 0]] },
            ]
            for fields in entries {
                _ = try await sample.redis.client.send(RedisCommand("XADD", [sample.keys.signIns, "*"], fields))
            }
            let batch = try await sample.consumer().read(count: 100, block: .milliseconds(1))
            #expect(batch.map { $0.rawFields.flatMap { [$0.name, $0.value] } } == entries)
            // The second delivery is as good as the first.
            let again = try await sample.consumer("two").reclaim(minIdle: .zero, count: 100)
            #expect(again.entries.map { $0.entry.rawFields.flatMap { [$0.name, $0.value] } } == entries)
            // And so is the one to the dead letters and back.
            for entry in again.entries.map(\.entry) {
                let letter = try #require(
                    try await sample.letters.bury(
                        entry, from: sample.consumer("two"), error: "x", deliveries: 2, at: .now))
                try await sample.letters.retry(try #require(try await sample.letters.get(letter)))
            }
            let retried = try await sample.consumer().read(count: 100, block: .milliseconds(1))
            #expect(retried.map { $0.rawFields.flatMap { [$0.name, $0.value] } } == entries)
        }
    }

    @Test("A group or a stream that is lost is made again, with a handful of commands for each read")
    func lostWithoutAHotLoop() async throws {
        try await PrivateRedis.with { server in
            let party = try StreamConformance.Party(url: server.url)
            let consumer = party.consumer("one")
            for round in 0..<10 {
                let events = Sample.events(2)
                try await party.producer.publish(events)
                let before = try await StreamConformance.commands(party.client)
                switch round % 3 {
                case 0: _ = try await party.client.send(["XGROUP", "DESTROY", party.keys.signIns, consumer.group])
                case 1: _ = try await party.client.send(["FLUSHALL"])
                default: _ = try await party.client.send(["DEL", party.keys.signIns])
                }
                let found = try await consumer.read(count: 100, block: .milliseconds(1))
                let reclaimed = try await consumer.reclaim(minIdle: .zero, count: 100).entries
                #expect(round % 3 == 0 ? found.count >= 2 : found.isEmpty)
                #expect(reclaimed.count == found.count)
                let spent = try await StreamConformance.commands(party.client) - before
                #expect(spent < 30 + 2 * found.count, "round \(round)")
            }
            await party.close()
        }
    }
}
