import Domain
import Postgres
import Redis
import Storage
import Streams
import TestSupport
import Testing

@testable import HTTPFront

/// What the front promises while one of its servers is away.
@Suite("Outages", .serialized)
struct OutageTests {
    private let person = Identifier.random()
    private var body: JSON { ["user_id": JSON(person)] }

    @Test("With Redis frozen and then killed both kinds of sign-in are accepted, and are in the outbox")
    func redisAway() async throws {
        try await PrivateRedis.with { redis in
            let settings = ["REDIS_URL": redis.url, "CACHE_REDIS_URL": redis.url]
            try await TestFront.with(settings, patience: FrontSettings.Patience()) { front in
                _ = try await front.signUp("Ann")
                _ = try await front.signIn("Ann")
                let outbox = SignInOutbox(front.database.client)
                try await eventually("the first sign-in is published") { try await outbox.unpublished() == 0 }
                redis.freeze()
                let start = ContinuousClock.now
                let frozen = try await front.key.send("POST", "/api/v1/sign-ins", json: body)
                #expect(frozen.status == 202)
                #expect(start.duration(to: .now) < .seconds(5))
                #expect(try await front.client.signIn("Ann", "password 1").status == 200)
                redis.kill()
                #expect(try await front.key.send("POST", "/api/v1/sign-ins", json: [body, body]).status == 202)
                #expect(try await front.client.signIn("Ann", "password 1").status == 200)
                #expect(try await outbox.unpublished() == 5)
                #expect(try await front.client.get("/readyz").status == 200)
                // Back again it is used again, without a restart.
                try await redis.start()
                try await eventually("the stream takes events again", within: .seconds(20)) {
                    let before = try await outbox.unpublished()
                    _ = try await front.key.send("POST", "/api/v1/sign-ins", json: body)
                    return try await outbox.unpublished() == before
                }
            }
        }
    }

    @Test("With Postgres away ingest is accepted, passwords are answered 503, and both away is 503 with Retry-After")
    func postgresAway() async throws {
        try await PrivatePostgres.with { postgres in
            try await postgres.start()
            try await PrivateRedis.with { redis in
                try await prepare(postgres)
                let running = try await RunningFront.start([
                    "DATABASE_URL": postgres.url, "REDIS_URL": redis.url, "CACHE_REDIS_URL": redis.url,
                ])
                let client = Client(base: running.base)
                let key = Client(base: running.base, headers: ["X-API-Key": TestFront.apiKey])
                #expect(try await client.signIn("admin", TestFront.adminPassword).status == 200)
                try await postgres.kill()
                #expect(try await key.send("POST", "/api/v1/sign-ins", json: body).status == 202)
                let refused = try await client.signIn("admin", TestFront.adminPassword)
                #expect(refused.status == 503 && refused.headers["retry-after"] != nil)
                #expect(refused.json["error"] == "temporarily_unavailable")
                redis.kill()
                let neither = try await key.send("POST", "/api/v1/sign-ins", json: body)
                #expect(neither.status == 503 && neither.problem == "unavailable")
                #expect(neither.headers["retry-after"] != nil)
                try await eventually("it is not ready", within: .seconds(20)) {
                    try await client.get("/readyz").status == 503
                }
                #expect(try await client.get("/livez").status == 200)
                try await postgres.start()
                try await redis.start()
                try await eventually("people can sign in again", within: .seconds(20)) {
                    try await client.signIn("admin", TestFront.adminPassword).status == 200
                }
                await running.stop()
            }
        }
    }

    @Test("A full outbox sheds load while Redis is away")
    func fullOutbox() async throws {
        try await PrivateRedis.with { redis in
            let settings = [
                "REDIS_URL": redis.url, "CACHE_REDIS_URL": redis.url, "QUESTLINE_OUTBOX_LIMIT": "3",
            ]
            try await TestFront.with(settings) { front in
                redis.kill()
                #expect(try await front.key.send("POST", "/api/v1/sign-ins", json: [body, body]).status == 202)
                let shed = try await front.key.send("POST", "/api/v1/sign-ins", json: [body, body])
                #expect(shed.status == 503 && shed.headers["retry-after"] != nil)
                #expect(try await SignInOutbox(front.database.client).unpublished() == 2)
            }
        }
    }

    private func prepare(_ postgres: PrivatePostgres) async throws {
        let client = PostgresClient(try PostgresConfiguration(url: postgres.url), poolSize: 2)
        _ = try await Migrator(client, logger: TestLog.logger).migrate()
        try await TestFront.seed(client)
        client.close()
    }
}
