import Foundation
import Logging
import Redis

/// A test's own corner of the shared test server: every key begins with a prefix that no other test has.
public struct TestRedis: Sendable {
    public struct NoServer: Error, CustomStringConvertible {
        public let description = "QUESTLINE_TEST_REDIS_URL is not set: run ops/test, which starts the servers"

        public init() {}
    }

    /// Of the server, which all tests share.
    public let url: String
    public let configuration: RedisConfiguration
    public let client: RedisClient
    public let prefix: String

    /// Runs `body`, then removes what it left under the prefix and closes the client.
    public static func with<Value>(
        queueLimit: Int? = nil, _ body: (TestRedis) async throws -> Value
    ) async throws -> Value {
        guard let url = ProcessInfo.processInfo.environment["QUESTLINE_TEST_REDIS_URL"], !url.isEmpty else {
            throw NoServer()
        }
        var configuration = try RedisConfiguration(url: url)
        // Hundreds of tests begin at the same time on however few cores: only a server that hangs is to be noticed.
        configuration.connectTimeout = .seconds(20)
        configuration.commandTimeout = .seconds(30)
        let prefix = "test-\(UUID().uuidString.prefix(13).lowercased())"
        configuration.clientName = prefix
        if let queueLimit { configuration.queueLimit = queueLimit }
        let redis = TestRedis(
            url: url, configuration: configuration, client: RedisClient(configuration, logger: TestLog.logger),
            prefix: prefix)
        do {
            let value = try await body(redis)
            try await redis.cleanUp()
            return value
        } catch {
            try? await redis.cleanUp()
            throw error
        }
    }

    public func key(_ name: String) -> String { "\(prefix):\(name)" }

    /// Waits until the server says that `client` waits inside a blocking command.
    public func waitUntilBlocked(_ client: RedisClient, asking observer: RedisClient? = nil) async throws {
        try await (observer ?? self.client).waitUntilBlocked(client.configuration.clientName)
    }

    private func cleanUp() async throws {
        // A client of its own: the test may have closed or filled the other one.
        var configuration = configuration
        configuration.queueLimit = 1_000
        let cleaner = RedisClient(configuration, logger: TestLog.logger)
        var cursor = "0"
        repeat {
            let page = try await cleaner.send(["SCAN", cursor, "MATCH", "\(prefix)*", "COUNT", 1_000])
            cursor = page[0]?.string ?? "0"
            let keys = page[1]?.elements.compactMap(\.bytes) ?? []
            if !keys.isEmpty { _ = try await cleaner.send(RedisCommand("UNLINK", keys)) }
        } while cursor != "0"
        await cleaner.close()
        await client.close()
    }
}

extension RedisClient {
    /// Asks the server until the client with this name waits inside a blocking command.
    ///
    /// - Throws: `NotInTime`: what was to block may have ended before anybody looked.
    public func waitUntilBlocked(_ name: String) async throws {
        try await eventually("\(name) waits inside a blocking command", within: .seconds(20), every: .milliseconds(2)) {
            let list = try await send(["CLIENT", "LIST"]).string ?? ""
            return list.split(separator: "\n").contains { line in
                line.contains(" name=\(name) ") && line.contains(" flags=b ")
            }
        }
    }
}

/// Tests say what went wrong themselves; the log stays silent unless somebody looks for something.
public enum TestLog {
    public static let logger: Logger = {
        var logger = Logger(label: "test")
        let isWanted = ProcessInfo.processInfo.environment["QUESTLINE_TEST_LOG"] != nil
        logger.logLevel = isWanted ? .trace : .critical
        return logger
    }()
}
