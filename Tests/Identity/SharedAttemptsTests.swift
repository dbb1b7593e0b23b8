import Domain
import Redis
import Streams
import Synchronization
import TestSupport
import Testing

@testable import Identity

/// Two fronts, each with a counter of its own, over one Redis.
@Suite("Attempts counted by all fronts together")
struct SharedAttemptsTests {
    private let limit = AttemptLimit(attempts: 5, seconds: 60)
    private var rules: [AttemptRule] { [AttemptRule(AttemptKey(.failedSignInByAddress, "192.0.2.1"), limit)] }

    private func counter(_ redis: RedisClient, _ keys: StreamKeys, _ heard: Locked<[Bool]>? = nil) -> SharedAttempts {
        SharedAttempts(redis, keys: keys, secret: "secret") { error in heard?.withLock { $0.append(error == nil) } }
    }

    private func impatient(_ url: String) throws -> RedisClient {
        var configuration = try RedisConfiguration(url: url)
        configuration.connectTimeout = .milliseconds(200)
        configuration.commandTimeout = .milliseconds(200)
        return RedisClient(configuration, logger: TestLog.logger)
    }

    @Test("Both fronts together allow as many as the limit says, also when all come at once")
    func sharing() async throws {
        try await TestRedis.with { redis in
            let keys = StreamKeys(prefix: redis.prefix)
            let fronts = [counter(redis.client, keys), counter(redis.client, keys)]
            let counted = await withTaskGroup(of: Bool.self) { group in
                for index in 0..<40 { group.addTask { await fronts[index % 2].take(rules).isCounted } }
                return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
            }
            #expect(counted == 5)
            for front in fronts { #expect(await front.look(rules).map(\.attempts) == [5]) }
            await fronts[0].forget(rules)
            for front in fronts { #expect(await front.look(rules).map(\.attempts) == [0]) }
        }
    }

    @Test("The window is fixed, ends by itself, and an address cannot be read from a key")
    func windows() async throws {
        try await TestRedis.with { redis in
            let keys = StreamKeys(prefix: redis.prefix)
            let front = counter(redis.client, keys)
            let short = [AttemptRule(rules[0].key, AttemptLimit(attempts: 1, seconds: 1))]
            #expect(await front.take(short).isCounted)
            #expect(await !front.take(short).isCounted)
            let found = try await redis.client.send(["KEYS", "\(redis.prefix)*"]).elements.compactMap(\.string)
            #expect(found.count == 1)
            let key = try #require(found.first)
            #expect(key.hasPrefix(redis.key("attempts:sign-in-address:")))
            #expect(!key.contains("192.0.2.1") && !key.contains(short[0].key.subject?.description ?? "-"))
            #expect(key != redis.key("attempts:sign-in-address:"))
            try await eventually("the window ends", within: .seconds(5)) { await front.take(short).isCounted }
        }
    }

    @Test("A counter that has lost its time to live is given one, and does not stand for ever")
    func immortal() async throws {
        try await TestRedis.with { redis in
            let keys = StreamKeys(prefix: redis.prefix)
            let front = counter(redis.client, keys)
            for _ in 0..<5 { _ = await front.take(rules) }
            let key = try #require(try await redis.client.send(["KEYS", "\(redis.prefix)*"])[0]?.string)
            for spoil: RedisCommand in [["PERSIST", key], ["PEXPIRE", key, 86_400_000]] {
                _ = try await redis.client.send(spoil)
                #expect(await front.look(rules).map(\.attempts) == [5])
                let left = try #require(try await redis.client.send(["PTTL", key]).integer)
                #expect((1...60_000).contains(left))
            }
            // What is no number counts nothing, and is replaced.
            _ = try await redis.client.send(["SET", key, "garbage"])
            #expect(await front.look(rules).map(\.attempts) == [5])
            #expect(await !front.take(rules).isCounted)
        }
    }

    @Test(
        "Redis dies in mid-count: the memory counts on from there, nobody waits long, and what Redis lost is put back")
    func outage() async throws {
        try await PrivateRedis.with(options: ["--appendonly", "no"]) { redis in
            let heard = Locked<[Bool]>([])
            let clients = [try impatient(redis.url), try impatient(redis.url)]
            let keys = StreamKeys(prefix: "quest")
            let fronts = [counter(clients[0], keys, heard), counter(clients[1], keys)]
            // The first connection may take its time on a busy machine.
            try await eventually("the first is counted in Redis") {
                await fronts[0].forget(rules)
                _ = await fronts[0].look(rules)
                return heard.now.last == true
            }
            #expect(await fronts[0].take(rules).isCounted)
            try await eventually("the other front sees it") { await fronts[1].look(rules)[0].attempts == 1 }
            #expect(await fronts[1].take(rules).isCounted)
            #expect(await fronts[0].take(rules).counts[0].attempts == 3)
            redis.kill()
            // Each goes on from what it saw last.
            #expect(await fronts[0].take(rules).counts[0].attempts == 4)
            #expect(await fronts[1].take(rules).counts[0].attempts == 3)
            #expect(await fronts[0].take(rules).isCounted)
            #expect(await !fronts[0].take(rules).isCounted)
            try await redis.start()
            try await eventually("the other front knows what this one counted") {
                _ = await fronts[1].look(rules)
                _ = await fronts[0].look(rules)
                return await fronts[1].look(rules)[0].attempts == 5
            }
            #expect(heard.now.contains(false) && heard.now.last == true)
            // A server that hangs: an answer comes all the same, and the next one at once.
            redis.freeze()
            let start = ContinuousClock.now
            for _ in 0..<20 { #expect(await fronts[0].look(rules)[0].attempts == 5) }
            #expect(start.duration(to: .now) < .seconds(5))
            redis.thaw()
            for client in clients { await client.close() }
        }
    }

    @Test("A right password is not undone by what another front remembers")
    func forgetting() async throws {
        try await TestRedis.with { redis in
            let keys = StreamKeys(prefix: redis.prefix)
            let fronts = [counter(redis.client, keys), counter(redis.client, keys)]
            for _ in 0..<4 { _ = await fronts[1].take(rules) }
            await fronts[0].forget(rules)
            #expect(await fronts[1].take(rules).counts[0].attempts == 1)
        }
    }
}
