import Domain
import Foundation
import Glibc
import Postgres
import Redis
import TestSupport
import Testing

@testable import HTTPFront

/// The executable as an operator meets it.
@Suite("The process")
struct ProcessTests {
    @Test("Every wrong setting is named, none is shown, and the exit code is 64")
    func wrongSettings() async throws {
        let front = try Executable.front.start(settings: [
            "DATABASE_URL": "not a url at all with secret", "REDIS_URL": "rediss://:hunter2@x", "QUESTLINE_PORT": "x",
            "QUESTLINE_ENV": "production", "QUESTLINE_HASH_PASSES": "99",
        ])
        #expect(try await front.exitCode() == 64)
        let text = front.lines.joined(separator: "\n")
        for name in [
            "DATABASE_URL", "REDIS_URL", "QUESTLINE_PORT", "QUESTLINE_JWT_SECRET", "QUESTLINE_HASH_PASSES",
        ] {
            #expect(text.contains("wrong setting: \(name) "), "\(name)")
        }
        #expect(!text.contains("hunter2"))
    }

    @Test("Arguments are wrong usage, and help is told")
    func usage() async throws {
        let odd = try Executable.front.start(["serve"], settings: [:])
        #expect(try await odd.exitCode() == 64)
        let help = try Executable.front.start(["--help"], settings: [:])
        #expect(try await help.exitCode() == 0)
        #expect(help.lines.contains { $0.contains("DATABASE_URL") })
    }

    @Test("Without Postgres it waits and says so once; on SIGTERM it ends")
    func waiting() async throws {
        let port = try FreePort.find()
        let front = try Executable.front.start(settings: [
            "DATABASE_URL": "postgres://postgres@127.0.0.1:\(port)/x", "REDIS_URL": "redis://127.0.0.1:\(port)",
            "QUESTLINE_PORT": "0", "QUESTLINE_PROBE_PORT": "0",
        ])
        try await front.line(containing: "Postgres is away")
        let probes = Client(base: try url(in: try await front.line(containing: "probes listen")), isApi: false)
        #expect(try await probes.get("/livez").status == 200)
        let waiting = try await probes.get("/readyz")
        #expect(waiting.status == 503 && waiting.text == "Postgres is away\n")
        try await front.signal(SIGTERM)
        #expect(try await front.exitCode(within: .seconds(10)) == 0)
        #expect(front.lines(containing: "Postgres is away").count == 1)
    }

    @Test("Before the migrations it is alive and not ready, and after them it is ready")
    func migrations() async throws {
        try await TestDatabase.with { database in
            try await database.client.execute(script: "ALTER TABLE questline_migrations RENAME TO away")
            let front = try Executable.front.start(settings: [
                "DATABASE_URL": database.url, "REDIS_URL": TestFront.redisURL, "CACHE_REDIS_URL": TestFront.redisURL,
                "QUESTLINE_PORT": "0", "QUESTLINE_PROBE_PORT": "0",
            ])
            try await front.line(containing: "waiting for migrations")
            let probes = Client(base: try url(in: try await front.line(containing: "probes listen")), isApi: false)
            #expect(try await probes.get("/readyz").text == "the database is not migrated\n")
            #expect(try await probes.get("/livez").status == 200)
            try await database.client.execute(script: "ALTER TABLE away RENAME TO questline_migrations")
            try await eventually("it is ready") { try await probes.get("/readyz").status == 200 }
            try await front.line(containing: "\"listening\"")
            #expect(front.lines(containing: "waiting for").count == 1)
            await front.end()
        }
    }

    @Test("An outage of Redis is told in two lines, with sign-ins or without, and a refusal to write too")
    func outageLines() async throws {
        try await TestDatabase.with { database in
            try await TestFront.seed(database.client)
            try await PrivateRedis.with { redis in
                let front = try Executable.front.start(settings: [
                    "DATABASE_URL": database.url, "REDIS_URL": redis.url, "CACHE_REDIS_URL": redis.url,
                    "QUESTLINE_PORT": "0", "QUESTLINE_PROBE_PORT": "0",
                ])
                let base = try url(in: try await front.line(containing: "\"listening\""))
                let key = Client(base: base, headers: ["X-API-Key": TestFront.apiKey])
                func ingest() async throws -> Int {
                    try await key.send("POST", "/api/v1/sign-ins", json: ["user_id": JSON(Identifier.random())]).status
                }
                func told(_ text: String, _ count: Int) async throws {
                    try await eventually("'Redis is \(text)' is told") {
                        front.lines(containing: "Redis is \(text)").count == count
                    }
                }
                redis.kill()
                try await told("away", 1)
                try await redis.start()
                try await told("back", 1)
                redis.freeze()
                for _ in 0..<3 { #expect(try await ingest() == 202) }
                try await told("away", 2)
                redis.thaw()
                try await told("back", 2)
                // It answers, and takes nothing: to be asked is not to be back.
                let client = RedisClient(try RedisConfiguration(url: redis.url), logger: TestLog.logger)
                _ = try await client.send(["CONFIG", "SET", "maxmemory", 1])
                try await eventually("it refuses a sign-in") {
                    let status = try await ingest()
                    return status == 202 && front.lines(containing: "Redis is away").count == 3
                }
                for _ in 0..<30 { #expect(try await ingest() == 202) }
                #expect(front.lines(containing: "OOM").count == 1)
                #expect(front.lines(containing: "Redis is back").count == 2)
                _ = try await client.send(["CONFIG", "SET", "maxmemory", 0])
                try await eventually("it takes sign-ins again") {
                    let status = try await ingest()
                    return status == 202 && front.lines(containing: "Redis is back").count == 3
                }
                await client.close()
                await front.end()
            }
        }
    }

    @Test("It listens, serves its probes, and stops in good order")
    func lifecycle() async throws {
        try await TestDatabase.with { database in
            let front = try Executable.front.start(settings: [
                "DATABASE_URL": database.url, "REDIS_URL": TestFront.redisURL, "CACHE_REDIS_URL": TestFront.redisURL,
                "QUESTLINE_PORT": "0", "QUESTLINE_PROBE_PORT": "0",
            ])
            let probes = try url(in: try await front.line(containing: "probes listen"))
            let base = try url(in: try await front.line(containing: "\"listening\""))
            #expect(try await Client(base: base).get("/readyz").status == 200)
            #expect(try await Client(base: probes, isApi: false).get("/readyz").status == 200)
            #expect(try await Client(base: probes, isApi: false).get("/livez").status == 200)
            #expect(try await Client(base: probes, isApi: false).get("/nowhere").status == 404)
            let metrics = try await Client(base: probes, isApi: false).get("/metrics").text
            #expect(metrics.contains("# TYPE process_resident_memory_bytes gauge"))
            #expect(metrics.contains("http_server_request_duration_seconds_bucket"))
            try await front.signal(SIGTERM)
            #expect(try await front.exitCode(within: .seconds(10)) == 0)
        }
    }

    @Test("Ready means that the port is open: the first request after the first good probe is answered")
    func readyMeansOpen() async throws {
        try await TestDatabase.with { database in
            for _ in 0..<3 {
                let port = try FreePort.find()
                let front = try Executable.front.start(settings: [
                    "DATABASE_URL": database.url, "REDIS_URL": TestFront.redisURL,
                    "CACHE_REDIS_URL": TestFront.redisURL, "QUESTLINE_PORT": "\(port)", "QUESTLINE_PROBE_PORT": "0",
                ])
                let probes = Client(base: try url(in: try await front.line(containing: "probes listen")), isApi: false)
                let client = Client(base: "http://127.0.0.1:\(port)", isApi: false)
                try await eventually("it is ready", every: .milliseconds(1)) {
                    try await probes.get("/readyz").status == 200
                }
                #expect(try await client.get("/livez").status == 200)
                try await front.signal(SIGKILL)
                _ = try await front.exitCode()
            }
        }
    }

    @Test("Told to stop, it says so at once on both ports, answers requests until it has drained, then ends")
    func drain() async throws {
        try await TestDatabase.with { database in
            let front = try Executable.front.start(settings: [
                "DATABASE_URL": database.url, "REDIS_URL": TestFront.redisURL, "CACHE_REDIS_URL": TestFront.redisURL,
                "QUESTLINE_PORT": "0", "QUESTLINE_PROBE_PORT": "0", "QUESTLINE_DRAIN_SECONDS": "15",
            ])
            let probes = Client(base: try url(in: try await front.line(containing: "probes listen")), isApi: false)
            let client = Client(base: try url(in: try await front.line(containing: "\"listening\"")))
            try await front.signal(SIGTERM)
            try await eventually("both say that it stops") {
                let answers = (try await client.get("/readyz"), try await probes.get("/readyz"))
                return answers.0.text == "stopping\n" && answers.1.text == "stopping\n"
            }
            #expect(try await client.get("/api/v1/utils/health-check").status == 200)
            let health = try Executable.worker.start(
                ["health", "--port", String(probes.base.split(separator: ":").last ?? "")], settings: [:])
            #expect(try await health.exitCode() == 1)
            #expect(health.lines == ["stopping"])
            #expect(try await front.exitCode(within: .seconds(40)) == 0)
        }
    }

    private func url(in line: String) throws -> String {
        guard let start = line.range(of: "http://") else { throw Unrecoverable("no address in \(line)") }
        return String(line[start.lowerBound...].prefix { $0 != "\"" && $0 != " " })
    }
}
