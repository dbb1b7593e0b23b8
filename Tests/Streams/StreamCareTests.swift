import Domain
import Redis
import Streams
import TestSupport
import Testing

@Suite struct StreamTrimmerTests {
    private func length(_ sample: Sample) async throws -> Int {
        try await StreamStatus.read(sample.redis.client, stream: sample.keys.signIns).length
    }

    @Test func trimsOnlyBehindEveryGroup() async throws {
        try await Sample.with { sample in
            let trimmer = StreamTrimmer(sample.redis.client)
            func trim(_ groups: [String] = ["progress"], keeping window: Duration = .zero) async throws -> Int {
                try await trimmer.trim(
                    stream: sample.keys.signIns, groups: groups, keeping: window, most: 1_000_000
                ).count
            }
            #expect(try await trim() == 0)
            try await sample.producer.publish(Sample.events(1_000))
            // No group: nobody has read anything.
            #expect(try await trim() == 0)
            let consumer = sample.consumer()
            try await consumer.ensure()
            #expect(try await trim() == 0)
            let batch = try await consumer.read(count: 1_000, block: .milliseconds(1))
            // Delivered is not acknowledged.
            #expect(try await trim() == 0)
            _ = try await consumer.acknowledge(Array(batch.ids.dropFirst(500)))
            #expect(try await trim() == 0)
            _ = try await consumer.acknowledge(Array(batch.ids.prefix(300)))
            #expect(try await trim(keeping: .seconds(3_600)) == 0)
            #expect(try await trim(["progress", "lost"]) == 0)
            let stranger = sample.consumer(group: "somebody-else")
            try await stranger.ensure()
            #expect(try await trim() == 0)
            _ = try await stranger.read(count: 250, block: .milliseconds(1))
            _ = try await stranger.acknowledge(Array(batch.ids.prefix(250)))
            #expect((1...250).contains(try await trim()))
            _ = try await sample.redis.client.send(["XGROUP", "DESTROY", sample.keys.signIns, "somebody-else"])
            _ = try await trim()
            // What is pending is still there, all of it.
            let left = try await consumer.reclaim(minIdle: .zero, count: 1_000)
            #expect(left.entries.map(\.entry.id) == Array(batch.ids[300..<500]))
            #expect(left.deleted.isEmpty)
            _ = try await consumer.acknowledge(left.entries.map(\.entry.id))
            _ = try await trim()
            #expect(try await length(sample) < 200)
        }
    }

    @Test func ofTooLongAStreamWhatIsAcknowledgedGoesInSpiteOfTheWindowAndOfStrangers() async throws {
        try await Sample.with { sample in
            let trimmer = StreamTrimmer(sample.redis.client)
            func trim(most: Int) async throws -> StreamTrimmer.Trimmed {
                try await trimmer.trim(
                    stream: sample.keys.signIns, groups: ["progress"], keeping: .seconds(3_600), most: most)
            }
            try await sample.producer.publish(Sample.events(3_000))
            let consumer = sample.consumer()
            let batch = try await consumer.read(count: 3_000, block: .milliseconds(1))
            _ = try await consumer.acknowledge(Array(batch.ids.prefix(2_000)))
            let slow = sample.consumer(group: "slow")
            try await slow.ensure()
            let fast = sample.consumer(group: "fast")
            _ = try await fast.acknowledge(try await fast.read(count: 2_900, block: .milliseconds(1)).ids)
            let kept = try await trim(most: 3_000)
            #expect(kept.count == 0 && kept.overridden == [])
            let trimmed = try await trim(most: 2_500)
            #expect((400...500).contains(trimmed.count))
            #expect(trimmed.overridden == ["slow"])
            // What is pending stays, however long the stream.
            var removed = trimmed.count
            while case let more = try await trim(most: 0).count, more > 0 { removed += more }
            #expect((1_900...2_000).contains(removed))
            let left = try await consumer.reclaim(minIdle: .zero, count: 3_000)
            #expect(left.entries.map(\.entry.id) == Array(batch.ids.dropFirst(2_000)))
        }
    }

    @Test func comparesIdsAsNumbers() async throws {
        try await Sample.with { sample in
            // Ten sorts after nine, and the sequence counts too.
            for number in [9, 10, 11, 100] {
                for _ in 0..<100 {
                    _ = try await sample.redis.client.send(["XADD", sample.keys.signIns, "\(number)-*", "a", "b"])
                }
            }
            let consumer = sample.consumer()
            let batch = try await consumer.read(count: 1_000, block: .milliseconds(1))
            #expect(batch.count == 400)
            _ = try await consumer.acknowledge(batch.ids.filter { $0.milliseconds != 100 })
            _ = try await StreamTrimmer(sample.redis.client).trim(
                stream: sample.keys.signIns, groups: ["progress"], keeping: .zero, most: 1_000_000)
            let left = try await consumer.reclaim(minIdle: .zero, count: 1_000)
            #expect(left.entries.count == 100)
            #expect(try await length(sample) < 200)
        }
    }
}

@Suite struct LagRepairTests {
    /// Redis 7.0 forgets with a restart how much a group has read.
    @Test func afterARestartTheLagIsNeverMoreThanThereIsAndRightOnceRepaired() async throws {
        try await PrivateRedis.with { server in
            let client = RedisClient(try RedisConfiguration(url: server.url), logger: TestLog.logger)
            let keys = StreamKeys()
            let consumer = ConsumerGroup(
                reads: client, commands: client, stream: keys.signIns, group: "progress", consumer: "one")
            try await Producer(client, keys: keys).publish(Sample.events(300))
            _ = try await consumer.acknowledge(try await consumer.read(count: 280, block: .milliseconds(1)).ids)
            _ = try await client.send(["XTRIM", keys.signIns, "MAXLEN", 100])
            server.kill()
            try await server.start()
            // It may not know; but it must not tell too little, nor more than there is.
            if let undone = try await StreamSurvey.take(client, keys: keys).signIns.undone {
                #expect((20...100).contains(undone))
            }
            let lag = try await StreamStatus.read(client, stream: keys.signIns).groups.first?.lag ?? -1
            #expect((20...100).contains(lag))
            _ = try await consumer.repairLag()
            for left in [20, 0] {
                #expect(try await StreamSurvey.take(client, keys: keys).signIns.undone == left)
                let info = try await client.send(["XINFO", "GROUPS", keys.signIns])
                #expect(info[0]?.value(named: "lag")?.integer == Int64(left), "others see it too")
                #expect(try await !consumer.repairLag())
                _ = try await consumer.acknowledge(try await consumer.read(count: 280, block: .milliseconds(1)).ids)
            }
            await client.close()
        }
    }
}

@Suite struct StreamStatusTests {
    @Test func knowsAnEmptyPlace() async throws {
        try await Sample.with { sample in
            let status = try await StreamStatus.read(sample.redis.client, stream: sample.keys.signIns)
            #expect(status.length == 0)
            #expect(status.groups.isEmpty)
        }
    }

    @Test func tellsLagPendingAndOldest() async throws {
        try await Sample.with { sample in
            let consumer = sample.consumer()
            try await consumer.ensure()
            try await sample.producer.publish(Sample.events(10))
            func group() async throws -> StreamStatus.Group {
                try #require(try await StreamStatus.read(sample.redis.client, stream: sample.keys.signIns).groups.first)
            }
            let fresh = try await group()
            #expect(fresh.lag == 10)
            #expect(fresh.oldestPending == nil)
            let batch = try await consumer.read(count: 4, block: .milliseconds(1))
            #expect(fresh.oldestUndone == batch[0].id)
            _ = try await consumer.acknowledge([batch[0].id])
            let working = try await group()
            #expect(working.name == "progress")
            #expect(working.lag == 6)
            #expect(working.pending == 3)
            #expect(working.oldestPending == batch[1].id)
            #expect(working.lastDelivered == batch[3].id)
            #expect(working.consumers.map(\.name) == ["one"])
            #expect(working.consumers.map(\.pending) == [3])
            _ = try await consumer.acknowledge(batch.ids)
            let undelivered = try await group().oldestUndone
            #expect(try #require(undelivered) > batch[3].id)
        }
    }

    /// An entry deleted in mid-stream makes the server's own figure unknown.
    @Test func countsALagThatTheServerDoesNotKnow() async throws {
        try await Sample.with { sample in
            let consumer = sample.consumer()
            try await sample.producer.publish(Sample.events(2_500))
            let batch = try await consumer.read(count: 10, block: .milliseconds(1))
            let tail = try await sample.redis.client.send(["XRANGE", sample.keys.signIns, "-", "+", "COUNT", 20])
            let deleted = try #require(tail[15].flatMap { StreamEntry($0) })
            _ = try await sample.redis.client.send(["XDEL", sample.keys.signIns, deleted.id])
            let status = try await StreamStatus.read(sample.redis.client, stream: sample.keys.signIns)
            #expect(status.groups.first?.lag == 2_489)
            #expect(status.groups.first?.lastDelivered == batch[9].id)
        }
    }
}

@Suite struct DurabilityTests {
    private func weaknesses(_ options: [String]) async throws -> [String] {
        try await PrivateRedis.with(options: options) { server in
            let client = RedisClient(try RedisConfiguration(url: server.url), logger: TestLog.logger)
            let sentences = try await Durability.weaknesses(client)
            await client.close()
            return sentences
        }
    }

    @Test func theServerAsWeStartItHasNone() async throws {
        #expect(try await weaknesses([]).isEmpty)
    }

    @Test func namesEachWeakSetting() async throws {
        let off = try await weaknesses(["--appendonly", "no", "--maxmemory-policy", "allkeys-lru"])
        #expect(off.count == 2)
        #expect(off[0].contains("appendonly"))
        #expect(off[1].contains("allkeys-lru"))
        #expect(try await weaknesses(["--appendfsync", "everysec"]).first?.contains("two seconds") == true)
        #expect(try await weaknesses(["--rename-command", "CONFIG", ""]).first?.contains("does not tell") == true)
    }
}

@Suite struct ChangesTests {
    @Test func hintsReadWhatTheyWrite() {
        let ids = [Identifier.random(), .random()]
        for hint in [ChangeHint.people(ids), .people([]), .catalog(revision: 12), .revoked(ids[0])] {
            #expect(ChangeHint(text: hint.text) == hint)
        }
        for text in ["", " ", "people2", "catalog", "catalog x", "revoked", "revoked 1", "catalog 1 2"] {
            #expect(ChangeHint(text: text) == nil)
        }
        #expect(ChangeHint(text: "people nonsense") == .people([]))
    }

    @Test func hintsArrive() async throws {
        try await Sample.with { sample in
            let changes = Changes(sample.redis.client, keys: sample.keys)
            var events = changes.listen().makeAsyncIterator()
            #expect(await events.next(isolation: nil) == .mayHaveMissed)
            _ = try await sample.redis.client.send(["PUBLISH", sample.keys.changed, "nonsense"])
            try await changes.announce(.catalog(revision: 3))
            #expect(await events.next(isolation: nil) == .hint(.catalog(revision: 3)))
        }
    }
}

@Suite struct StreamKeysTests {
    @Test func areTheOnesOthersRelyOn() {
        let keys = StreamKeys()
        let id = Identifier(high: 1, low: 2)
        #expect(keys.signIns == "quest:signins")
        #expect(keys.completions == "quest:completions")
        #expect(keys.deadLetters == "quest:dead-letters")
        #expect(keys.changed == "quest:changed")
        #expect(keys.catalogQuest(id) == "quest:catalog:quest:\(id)")
        #expect(keys.catalogQuestNamed("UserSignIn") == "quest:catalog:quest-name:UserSignIn")
        #expect(keys.catalogReward(id) == "quest:catalog:reward:\(id)")
        #expect(StreamKeys(prefix: "other").signIns == "other:signins")
        #expect(StreamKeys.progressGroup == "progress")
        #expect(StreamKeys.claimsGroup == "claims")
    }
}
