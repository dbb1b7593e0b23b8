import Domain
import Redis
import Streams
import TestSupport

/// What the stream must keep whatever happens, test by test: against a real Redis, several consumers, groups and clients,
/// with connections cut and the server killed. Each test is named as the guarantee that it checks.
enum StreamConformance {
    /// A client of its own, as every process has, and consumers that read through it.
    struct Party: Sendable {
        let client: RedisClient
        let keys: StreamKeys
        private let reads: RedisClient

        init(url: String, prefix: String = "quest", name: String = "party") throws {
            var configuration = try RedisConfiguration(url: url)
            configuration.clientName = name
            client = RedisClient(configuration, logger: TestLog.logger)
            reads = client.dedicated(name: "reads")
            keys = StreamKeys(prefix: prefix)
        }

        /// What a blocked read is called in the server's list of clients.
        var readName: String { reads.configuration.clientName }
        var producer: Producer { Producer(client, keys: keys) }

        func consumer(_ name: String, group: String = StreamKeys.progressGroup) -> ConsumerGroup {
            ConsumerGroup(reads: reads, commands: client, stream: keys.signIns, group: group, consumer: name)
        }

        func close() async {
            await client.close()
            await reads.close()
        }
    }

    static func decode(_ batch: some Sequence<StreamEntry>) throws -> [SignInEvent] {
        try batch.map { try SignInEntry.decode($0) }
    }

    /// Everything that is in the stream, in its order.
    static func content(_ redis: RedisClient, _ keys: StreamKeys) async throws -> [SignInEvent] {
        try decode(try await entries(redis, keys.signIns))
    }

    static func entries(_ redis: RedisClient, _ stream: String) async throws -> [StreamEntry] {
        try await redis.send(["XRANGE", stream, "-", "+"]).elements.compactMap { StreamEntry($0) }
    }

    /// How many commands the server has been given until now.
    static func commands(_ redis: RedisClient) async throws -> Int {
        let info = try await redis.send(["INFO", "stats"]).string ?? ""
        let line = info.split(whereSeparator: \.isNewline).first { $0.hasPrefix("total_commands_processed:") }
        return line.flatMap { Int($0.drop { $0 != ":" }.dropFirst()) } ?? 0
    }
}
