import Domain
import Foundation
import FoundationNetworking
import Identity
import Logging
import Postgres
import Redis
import Runtime
import ServiceLifecycle
import Storage
import Streams
import Synchronization
import TestSupport

@testable import HTTPFront

/// A front in this process, on a free port, with a database and a corner of Redis of its own.
struct TestFront: Sendable {
    static let apiKey = "test-key-0123456789abcdef"
    static let adminPassword = "admin password"
    static var redisURL: String { ProcessInfo.processInfo.environment["QUESTLINE_TEST_REDIS_URL"] ?? "" }

    let base: String
    let routes: Set<String>
    let database: TestDatabase
    let keys: StreamKeys
    let redis: TestRedis
    /// What it keeps until it is recorded.
    let recall: Recall

    /// - Parameters:
    ///   - settings: further settings, which win.
    ///   - patience: as it is in use where Redis is to hang.
    static func with<Value>(
        _ settings: [String: String] = [:], patience: FrontSettings.Patience = .long,
        _ body: (TestFront) async throws -> Value
    ) async throws -> Value {
        try await TestDatabase.with { database in
            try await TestRedis.with { redis in
                try await seed(database.client)
                let environment = [
                    "DATABASE_URL": database.url, "REDIS_URL": redisURL, "CACHE_REDIS_URL": redisURL,
                    "QUESTLINE_PREFIX": redis.prefix,
                ]
                let front = try await RunningFront.start(
                    environment.merging(settings) { _, new in new }, patience: patience)
                let test = TestFront(
                    base: front.base, routes: front.app.routes, database: database,
                    keys: StreamKeys(prefix: redis.prefix),
                    redis: redis, recall: front.app.streamWatch.intake.recall)
                do {
                    let value = try await body(test)
                    await front.stop()
                    return value
                } catch {
                    await front.stop()
                    throw error
                }
            }
        }
    }

    /// An API key and an admin.
    static func seed(_ client: PostgresClient) async throws {
        _ = try await APIKeyRows(client).add(
            id: .timeOrdered(at: .now), name: "test", hash: APIKeyHash(of: apiKey).bytes)
        let hash = try await PasswordHasher(PasswordParameters(memory: 64, passes: 1)).hash(adminPassword)
        _ = try await Users(client).create(
            id: .timeOrdered(at: .now), name: "admin", passwordHash: hash, role: .admin)
    }

    /// A further front of the same installation.
    func another(_ settings: [String: String] = [:]) async throws -> RunningFront {
        try await RunningFront.start(
            [
                "DATABASE_URL": database.url, "REDIS_URL": TestFront.redisURL, "CACHE_REDIS_URL": TestFront.redisURL,
                "QUESTLINE_PREFIX": keys.prefix,
            ].merging(settings) { _, new in new })
    }

    var client: Client { Client(base: base) }

    /// Signs somebody new up.
    func signUp(_ name: String, password: String = "password 1") async throws -> Identifier {
        let answer = try await client.send(
            "POST", "/api/v1/users/signup",
            json: ["user_name": .string(name), "password": .string(password)])
        guard answer.status == 201, let id = answer.json["user_id"]?.string.flatMap({ Identifier($0) }) else {
            throw Unrecoverable("sign-up answered \(answer.status) \(answer.text)")
        }
        return id
    }

    /// Signs in and returns a client that sends the token.
    func signIn(_ name: String, password: String = "password 1") async throws -> Client {
        let answer = try await client.signIn(name, password)
        guard answer.status == 200, let token = answer.json["access_token"]?.string else {
            throw Unrecoverable("sign-in answered \(answer.status) \(answer.text)")
        }
        return Client(base: base, headers: ["Authorization": "Bearer \(token)"])
    }

    func admin() async throws -> Client { try await signIn("admin", password: TestFront.adminPassword) }

    var key: Client { Client(base: base, headers: ["X-API-Key": TestFront.apiKey]) }

    /// The sign-ins in the stream, as (event id, type, person).
    func published() async throws -> [SignInEvent] {
        let reply = try await redis.client.send(["XRANGE", keys.signIns, "-", "+"])
        return try reply.elements.compactMap { StreamEntry($0) }.map { try SignInEntry.decode($0) }
    }
}

/// A front that runs until told to stop.
final class RunningFront: Sendable {
    let base: String
    /// What works behind it.
    let app: App
    private let group: ServiceGroup
    private let task: Task<Void, any Error>

    private init(base: String, app: App, group: ServiceGroup, task: Task<Void, any Error>) {
        self.base = base
        self.app = app
        self.group = group
        self.task = task
    }

    /// Returns when it listens. Passwords are cheap, so that tests are fast.
    static func start(
        _ settings: [String: String], patience: FrontSettings.Patience = .long
    ) async throws -> RunningFront {
        let usual = [
            "QUESTLINE_PORT": "0", "QUESTLINE_PROBE_PORT": "0", "QUESTLINE_HASH_MEMORY_KIB": "64",
            "QUESTLINE_HASH_PASSES": "1",
        ]
        var settings = try FrontSettings.read(usual.merging(settings) { _, new in new })
        settings.patience = patience
        let (ports, port) = AsyncStream.makeStream(of: Int.self)
        let process = FrontProcess(settings, logger: TestLog.logger, onListening: { port.yield($0) })
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(services: [process], logger: TestLog.logger))
        let task = Task { try await group.run() }
        let failure = Task {
            do { try await task.value } catch {}
            port.finish()
        }
        for await number in ports {
            failure.cancel()
            guard let app = process.app else { break }
            return RunningFront(base: "http://127.0.0.1:\(number)", app: app, group: group, task: task)
        }
        try await task.value
        throw Unrecoverable("the front has stopped before it listened")
    }

    func stop() async {
        await group.triggerGracefulShutdown()
        _ = try? await task.value
    }
}

extension FrontSettings.Patience {
    /// Nothing is done without Redis only because the machine is busy.
    static let long = FrontSettings.Patience(stream: .seconds(20), cache: .seconds(20), attempts: .seconds(20))
}
