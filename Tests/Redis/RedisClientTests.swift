import Redis
import Synchronization
import TestSupport
import Testing

@Suite struct RedisClientTests {
    @Test func sendsAndThrowsErrorReplies() async throws {
        try await TestRedis.with { redis in
            let stored = try await redis.client.send(["SET", redis.key("a"), "1"])
            #expect(stored.string == "OK")
            #expect(try await redis.client.send(["INCRBY", redis.key("a"), 41]).integer == 42)
            let error = await #expect(throws: RedisError.self) {
                try await redis.client.send(["LPUSH", redis.key("a"), "x"])
            }
            #expect(error?.code == .server)
            #expect(error?.prefix == "WRONGTYPE")
            #expect(error?.operation == "LPUSH")
            #expect(redis.client.isConnected)
        }
    }

    @Test func carriesAnyBytesOfAnyLength() async throws {
        try await TestRedis.with { redis in
            let odd: [UInt8] = [0, 0xff, 0x0d, 0x0a, 0x24]
            let large = [UInt8](repeating: 0x7a, count: 20_000_000)
            _ = try await redis.client.send(["MSET", redis.key("odd"), odd, redis.key("large"), large])
            #expect(try await redis.client.send(["GET", redis.key("odd")]).bytes == odd)
            #expect(try await redis.client.send(["GET", redis.key("large")]).bytes == large)
        }
    }

    @Test func givesEachOfManyCallersItsOwnReply() async throws {
        try await TestRedis.with { redis in
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for number in 0..<5_000 {
                    group.addTask { try await redis.client.send(["ECHO", number]).integer == Int64(number) }
                }
                for try await isOwn in group { #expect(isOwn) }
            }
        }
    }

    @Test func pipelineReturnsErrorsInPlace() async throws {
        try await TestRedis.with { redis in
            let key = redis.key("p")
            let replies = try await redis.client.pipeline([["SET", key, "x"], ["INCR", key], ["GET", key]])
            #expect(replies.map(\.kind) == [.status, .error, .string])
            #expect(try await redis.client.pipeline([]).isEmpty)
        }
    }

    @Test func transactionRunsWholeOrIsDiscarded() async throws {
        try await TestRedis.with { redis in
            let key = redis.key("t")
            let replies = try await redis.client.transaction([["INCR", key], ["INCR", key]])
            #expect(replies.map(\.integer) == [1, 2])
            let error = await #expect(throws: RedisError.self) {
                try await redis.client.transaction([["INCR", key], ["NOSUCHCOMMAND"]])
            }
            #expect(error?.code == .server)
            #expect(error?.detail.contains("unknown command") == true)
            #expect(try await redis.client.send(["GET", key]).integer == 2)
            #expect(try await redis.client.transaction([]).isEmpty)
        }
    }

    @Test func runsScriptsKnownAndUnknown() async throws {
        try await TestRedis.with { redis in
            let script = RedisScript(name: "own", source: "return {KEYS[1], ARGV[1], '\(redis.prefix)'}")
            for _ in 0..<2 {
                let reply = try await redis.client.run(script, keys: [redis.key("s")], arguments: ["x"])
                #expect(reply.elements.map(\.string) == [redis.key("s"), "x", redis.prefix])
            }
            let digests = try await redis.client.send(["SCRIPT", "EXISTS", "da39a3ee5e6b4b0d3255bfef95601890afd80709"])
            #expect(digests.count == 1)
            let broken = RedisScript(name: "broken", source: "return redis.call('LPUSH', KEYS[1])")
            let error = await #expect(throws: RedisError.self) {
                try await redis.client.run(broken, keys: [redis.key("s")])
            }
            #expect(error?.code == .server)
            #expect(error?.operation == "broken")
        }
    }

    @Test func cancellationEndsAWaitAtOnceAndLeavesTheRestInOrder() async throws {
        try await TestRedis.with { redis in
            let blocking = redis.client.dedicated(name: "blocking")
            let waiting = Task { try await blocking.send(["BLPOP", redis.key("nothing"), 30]) }
            try await redis.waitUntilBlocked(blocking)
            let start = ContinuousClock.now
            waiting.cancel()
            let error = await #expect(throws: RedisError.self) { try await waiting.value }
            #expect(error?.code == .cancelled)
            #expect(ContinuousClock.now - start < .seconds(10))
            // The reply that nobody waits for is not taken for the next one.
            _ = try await redis.client.send(["RPUSH", redis.key("nothing"), "late"])
            #expect(try await blocking.send(["ECHO", "mine"]).string == "mine")
            await blocking.close()
        }
    }

    @Test func aCancelledTaskSendsNothing() async throws {
        try await TestRedis.with { redis in
            let task = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                return try await redis.client.send(["SET", redis.key("never"), "x"])
            }
            let error = await #expect(throws: RedisError.self) { try await task.value }
            #expect(error?.code == .cancelled)
            let exists = try await redis.client.send(["EXISTS", redis.key("never")])
            #expect(exists.integer == 0)
        }
    }

    @Test func refusesWhenTheQueueIsFull() async throws {
        try await TestRedis.with(queueLimit: 3) { redis in
            let waiting = Task { try await redis.client.send(["BLPOP", redis.key("nothing"), 4]) }
            let observer = redis.client.dedicated(name: "observer")
            try await redis.waitUntilBlocked(redis.client, asking: observer)
            let full = await #expect(throws: RedisError.self) {
                try await redis.client.pipeline([["PING"], ["PING"], ["PING"]])
            }
            #expect(full?.code == .queueFull)
            #expect(full?.mayHaveHappened == false)
            _ = try await observer.send(["RPUSH", redis.key("nothing"), "x"])
            _ = try await waiting.value
            #expect(try await redis.client.pipeline([["PING"], ["PING"], ["PING"]]).count == 3)
            await observer.close()
        }
    }

    @Test func closedClientsRefuseAndFinishWhatTheyAccepted() async throws {
        try await TestRedis.with { redis in
            let client = redis.client.dedicated(name: "closing")
            let waiting = Task { try await client.send(["BLPOP", redis.key("list"), 3]) }
            try await redis.waitUntilBlocked(client)
            let closing = Task { await client.close() }
            _ = try await redis.client.send(["RPUSH", redis.key("list"), "x"])
            #expect(try await waiting.value[1]?.string == "x")
            await closing.value
            let error = await #expect(throws: RedisError.self) { try await client.send(["PING"]) }
            #expect(error?.code == .unavailable)
            #expect(!client.isConnected)
        }
    }

    @Test func sharedConnectionGroupsCommands() async throws {
        try await TestRedis.with { redis in
            let before = try await redis.client.send(["CLIENT", "ID"]).integer
            try await withThrowingTaskGroup(of: Int64?.self) { group in
                for _ in 0..<100 { group.addTask { try await redis.client.send(["CLIENT", "ID"]).integer } }
                for try await id in group { #expect(id == before) }
            }
        }
    }
}
