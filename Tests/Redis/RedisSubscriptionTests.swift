import Redis
import TestSupport
import Testing

@Suite struct RedisSubscriptionTests {
    @Test func hearsWhatIsPublishedAfterTheBeginning() async throws {
        try await TestRedis.with { redis in
            let channel = redis.key("news")
            var events = redis.client.subscribe([channel, redis.key("other")]).makeAsyncIterator()
            #expect(await events.next() == .subscribed)
            #expect(try await redis.client.send(["PUBLISH", channel, "one"]).integer == 1)
            _ = try await redis.client.send(["PUBLISH", redis.key("other"), "two"])
            #expect(await events.next() == .message(channel: channel, text: "one"))
            #expect(await events.next() == .message(channel: redis.key("other"), text: "two"))
        }
    }

    @Test func saysWhenItMayHaveMissedSomething() async throws {
        try await PrivateRedis.with { server in
            let client = RedisClient(try RedisConfiguration(url: server.url), logger: TestLog.logger)
            var events = client.subscribe(["news"]).makeAsyncIterator()
            #expect(await events.next() == .subscribed)
            server.kill()
            try await server.start()
            #expect(await events.next() == .subscribed)
            _ = try await client.send(["PUBLISH", "news", "back"])
            #expect(await events.next() == .message(channel: "news", text: "back"))
            await client.close()
        }
    }

    @Test func givesUpAServerThatFellSilent() async throws {
        let confirmation = "*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n"
        try await ScriptedServer.with(.init { $0 == "SUBSCRIBE" ? .bytes(confirmation) : .silence }) { server in
            var configuration = try RedisConfiguration(url: "redis://127.0.0.1:\(server.port)")
            configuration.commandTimeout = .milliseconds(100)
            let client = RedisClient(configuration, logger: TestLog.logger)
            var events = client.subscribe(["news"]).makeAsyncIterator()
            // Each time the sign of life stays away, and the connection is made anew.
            for _ in 1...3 { #expect(await events.next() == .subscribed) }
        }
    }

    @Test func aSlowReaderIsToldThatItMissedSomething() async throws {
        try await TestRedis.with { redis in
            let channel = redis.key("flood")
            var events = redis.client.subscribe([channel]).makeAsyncIterator()
            #expect(await events.next() == .subscribed)
            let flood = [RedisCommand](repeating: ["PUBLISH", channel, "x"], count: 3_000)
            _ = try await redis.client.pipeline(RedisPipeline(flood))
            _ = try await redis.client.send(["PUBLISH", channel, "last"])
            var missed = false
            var next: RedisSubscriptionEvent?
            // Publishing goes on until the gap is announced: the announcement needs a free place and an occasion.
            repeat {
                next = await events.next()
                if next == .subscribed { missed = true }
                if !missed { _ = try await redis.client.send(["PUBLISH", channel, "more"]) }
            } while !missed
            #expect(missed)
        }
    }

    @Test func endsWhenItsReaderIsCancelled() async throws {
        try await TestRedis.with { redis in
            let channel = redis.key("news")
            let (began, begin) = AsyncStream<Void>.makeStream()
            let reader = Task {
                for await _ in redis.client.subscribe([channel]) { begin.yield() }
            }
            for await _ in began { break }
            reader.cancel()
            await reader.value
            while try await redis.client.send(["PUBSUB", "NUMSUB", channel])[1]?.integer != 0 { await Task.yield() }
        }
    }
}
