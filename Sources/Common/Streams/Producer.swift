import Domain
import Redis

/// Adds events to the streams.
public struct Producer: Sendable {
    private let redis: RedisClient
    private let keys: StreamKeys

    public init(_ redis: RedisClient, keys: StreamKeys) {
        self.redis = redis
        self.keys = keys
    }

    /// How many events are added in one step; more are added in several.
    public static let batchLimit = 1_000

    /// Returns when all `events` are in the stream, in this order: as durable as the server makes them. Up to
    /// `batchLimit` are added all together or not at all; of more, some may be in the stream when an error is thrown.
    ///
    /// - Returns: the ids of the new entries, in the order of `events`.
    /// - Throws: `RedisError`. With `mayHaveHappened` they may be in the stream; to add them again is harmless, their
    ///   ids make them the same events.
    @discardableResult
    public func publish(_ events: [SignInEvent]) async throws(RedisError) -> [StreamID] {
        let key = keys.signIns
        return try await add(events.map { Producer.command(key, SignInEntry.encode($0)) })
    }

    /// As for sign-ins.
    public func publish(_ completions: [Completion]) async throws(RedisError) {
        let key = keys.completions
        _ = try await add(completions.map { Producer.command(key, CompletionEntry.encode($0)) })
    }

    private func add(_ commands: [RedisCommand]) async throws(RedisError) -> [StreamID] {
        if commands.count == 1 { return [try Producer.id(try await redis.send(commands[0]))] }
        var ids: [StreamID] = []
        ids.reserveCapacity(commands.count)
        for start in stride(from: 0, to: commands.count, by: Producer.batchLimit) {
            // The server cannot refuse one of them alone unless somebody changes the key in mid-command; then the
            // caller must assume that the others were added.
            for reply in try await redis.transaction(
                Array(commands[start..<min(start + Producer.batchLimit, commands.count)]))
            {
                ids.append(try Producer.id(reply))
            }
        }
        return ids
    }

    private static func id(_ reply: RedisReply) throws(RedisError) -> StreamID {
        if let error = reply.error { throw RedisError(.server, "XADD", error.message, prefix: error.prefix) }
        guard let id = StreamID(reply) else { throw RedisError(.protocolViolation, "XADD", "not the id of an entry") }
        return id
    }

    static func command(_ key: String, _ fields: [(name: String, value: String)]) -> RedisCommand {
        var command = RedisCommand("XADD")
        let size = fields.reduce(key.utf8.count) { $0 + $1.name.utf8.count + $1.value.utf8.count + 16 }
        command.reserve(bytes: size + 64)
        command.append(key)
        command.append("*")
        for field in fields {
            command.append(field.name)
            command.append(field.value)
        }
        return command
    }
}
