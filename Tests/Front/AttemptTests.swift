import Domain
import Postgres
import Redis
import Streams
import TestSupport
import Testing

@testable import HTTPFront

@Suite("Limits over HTTP")
struct AttemptTests {
    /// A client whose requests come through a proxy of ours, from this address.
    private func client(_ base: String, from address: String) -> Client {
        Client(base: base, headers: ["X-Forwarded-For": "198.51.100.99, \(address)"])
    }

    private let proxied = ["QUESTLINE_PROXIES": "127.0.0.0/8,::1"]

    @Test(
        "A hundred wrong passwords from one address: 429 long before the last, nobody else is hindered, and it passes")
    func guessing() async throws {
        try await TestFront.with(proxied) { front in
            _ = try await front.signUp("Ann")
            _ = try await front.signUp("Bob")
            let guesser = client(front.base, from: "203.0.113.1")
            var statuses: [Int] = []
            for index in 0..<100 {
                let answer = try await guesser.signIn("Ann", "wrong password \(index)")
                statuses.append(answer.status)
                if answer.status == 429 {
                    #expect(answer.headers["retry-after"].flatMap { Int($0) }.map { (1...300).contains($0) } == true)
                    #expect(answer.headers["ratelimit"]?.contains("\"sign-in-pair\";r=0;t=") == true)
                    #expect(answer.json["error"] == "temporarily_unavailable")
                } else {
                    #expect(
                        answer.headers["ratelimit-policy"] == "\"sign-in-address\";q=50;w=300"
                            || answer.headers["ratelimit"]?.contains("\"sign-in-pair\";r=0") == true)
                    #expect(answer.headers["ratelimit"]?.hasPrefix("\"sign-in-address\";r=\(49 - index);t=") == true)
                }
            }
            #expect(statuses == [Int](repeating: 400, count: 10) + [Int](repeating: 429, count: 90))
            #expect(try await guesser.signIn("Ann", "password 1").status == 429, "the right one as well")
            for address in ["203.0.113.2", "2001:db8::1"] {
                let other = client(front.base, from: address)
                #expect(try await other.signIn("Ann", "password 1").status == 200)
                #expect(try await other.signIn("Bob", "password 1").status == 200)
            }
            // By other names the address comes to its own limit.
            for index in 0..<40 { #expect(try await guesser.signIn("Nobody \(index)", "x").status == 400) }
            let spent = try await guesser.signIn("Bob", "password 1")
            #expect(spent.status == 429)
            #expect(spent.headers["ratelimit"]?.hasPrefix("\"sign-in-address\";r=0;t=") == true)
            #expect(try await client(front.base, from: "203.0.113.2").signIn("Bob", "password 1").status == 200)
            // The windows end by themselves: here at once.
            let keys = try await front.redis.client.send(["KEYS", "\(front.keys.prefix):attempts:sign-in-*"])
            for key in keys.elements.compactMap(\.string) {
                let left = try #require(try await front.redis.client.send(["PTTL", key]).integer)
                #expect((1...300_000).contains(left))
            }
        }
    }

    @Test("After the window the right password works")
    func window() async throws {
        try await PrivateRedis.with(options: ["--appendonly", "no"]) { cache in
            let settings = proxied.merging(["CACHE_REDIS_URL": cache.url]) { $1 }
            try await TestFront.with(settings) { front in
                _ = try await front.signUp("Ann")
                let guesser = client(front.base, from: "203.0.113.1")
                for _ in 0..<11 { _ = try await guesser.signIn("Ann", "wrong password") }
                #expect(try await guesser.signIn("Ann", "password 1").status == 429)
                let redis = RedisClient(try RedisConfiguration(url: cache.url), logger: TestLog.logger)
                let keys = try await redis.send(["KEYS", "*:attempts:sign-in-*"]).elements.compactMap(\.string)
                #expect(keys.count == 3)
                for key in keys { _ = try await redis.send(["PEXPIRE", key, 1_000]) }
                // The front takes the end of the window over from Redis, whatever it remembers.
                #expect(try await guesser.signIn("Ann", "password 1").headers["retry-after"] == "1")
                try await eventually("the right password works", within: .seconds(10)) {
                    try await guesser.signIn("Ann", "password 1").status == 200
                }
                await redis.close()
            }
        }
    }

    @Test("Two fronts share their counts, and without the cache each counts on by itself")
    func sharing() async throws {
        try await PrivateRedis.with(options: ["--appendonly", "no"]) { cache in
            let settings = proxied.merging(["CACHE_REDIS_URL": cache.url]) { $1 }
            try await TestFront.with(settings) { front in
                let other = try await front.another(settings)
                _ = try await front.signUp("Ann")
                let fronts = [front.base, other.base].map { client($0, from: "203.0.113.1") }
                var statuses: [Int] = []
                for index in 0..<12 { statuses.append(try await fronts[index % 2].signIn("Ann", "wrong").status) }
                #expect(statuses == [Int](repeating: 400, count: 10) + [429, 429])
                cache.kill()
                for front in fronts { #expect(try await front.signIn("Ann", "password 1").status == 429) }
                let fresh = [front.base, other.base].map { client($0, from: "203.0.113.9") }
                for front in fresh {
                    var statuses: [Int] = []
                    for _ in 0..<11 { statuses.append(try await front.signIn("Ann", "wrong").status) }
                    #expect(statuses == [Int](repeating: 400, count: 10) + [429])
                }
                // It comes back empty, and is told by the fronts.
                try await cache.start()
                try await eventually("both know, by way of Redis") {
                    let redis = RedisClient(try RedisConfiguration(url: cache.url), logger: TestLog.logger)
                    for front in fronts { #expect(try await front.signIn("Ann", "password 1").status == 429) }
                    let keys = try await redis.send(["KEYS", "*:attempts:sign-in-pair:*"])
                    await redis.close()
                    return keys.count > 0
                }
                await other.stop()
            }
        }
    }

    @Test("Guesses sent together with a stolen token gain nothing either: the right one among them comes too late")
    func togetherAtChange() async throws {
        try await TestFront.with([
            "QUESTLINE_HASH_THREADS": "1", "QUESTLINE_HASH_MEMORY_KIB": "65536", "QUESTLINE_HASH_PASSES": "2",
        ]) { front in
            _ = try await front.signUp("Ann")
            let ann = try await front.signIn("Ann")
            @Sendable func change(_ current: String) async throws -> Int {
                try await ann.send(
                    "PUT", "/api/v1/users/me/password",
                    json: ["current_password": .string(current), "new_password": "password 2"]
                ).status
            }
            try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<20 { group.addTask { try await change("wrong password") } }
                // One thread hashes in turn: when the first is answered, the others stand before what comes now.
                _ = try await group.next()
                #expect(try await change("password 1") == 429)
                try await group.waitForAll()
            }
        }
    }

    @Test("Sign-ups tell how their limit stands, on every answer")
    func signUps() async throws {
        try await TestFront.with(["QUESTLINE_SIGN_UPS_PER_HOUR": "2"]) { front in
            func signUp(_ name: JSON) async throws -> Answer {
                try await front.client.send(
                    "POST", "/api/v1/users/signup", json: ["user_name": name, "password": "password 1"])
            }
            for (name, status, left) in [("Ann" as JSON, 201, 1), (.integer(1), 422, 0), ("Bob", 429, 0)] {
                let answer = try await signUp(name)
                #expect(answer.status == status)
                #expect(answer.headers["ratelimit-policy"] == "\"sign-up-address\";q=2;w=3600")
                #expect(answer.headers["ratelimit"]?.hasPrefix("\"sign-up-address\";r=\(left);t=") == true)
                #expect((answer.headers["retry-after"] != nil) == (status == 429))
            }
        }
    }

    @Test("A header that a stranger writes moves nobody's limit")
    func strangers() async throws {
        try await TestFront.with { front in
            _ = try await front.signUp("Ann")
            var statuses: [Int] = []
            for index in 0..<11 {
                statuses.append(try await client(front.base, from: "203.0.113.\(index)").signIn("Ann", "wrong").status)
            }
            #expect(statuses == [Int](repeating: 400, count: 10) + [429])
        }
    }

    @Test("Many ask for one name at once, at two fronts: one gets it, the others are told, and there is one account")
    func oneName() async throws {
        try await TestFront.with { front in
            let other = try await front.another()
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                for index in 0..<12 {
                    let client = Client(base: index % 2 == 0 ? front.base : other.base)
                    group.addTask {
                        try await client.send(
                            "POST", "/api/v1/users/signup",
                            json: ["user_name": "Ann", "password": .string("password \(index)")]
                        ).status
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(statuses.sorted() == [201] + [Int](repeating: 409, count: 11))
            let count = try await front.database.client.query("SELECT count(*) FROM auth.users WHERE user_name = 'Ann'")
            #expect(try count.first?.decode(0, as: Int64.self) == 1)
            await other.stop()
        }
    }
}
