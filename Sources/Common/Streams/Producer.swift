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
    /// - Parameter limit: how long to wait for the server, if that is less than the client's command timeout.
    /// - Returns: the ids of the new entries, in the order of `events`.
    /// - Throws: `RedisError`. With `mayHaveHappened` they may be in the stream; to add them again is harmless, their
    ///   ids make them the same events.
    @discardableResult
    public func publish(_ events: [SignInEvent], within limit: Duration? = nil) async throws(RedisError) -> [StreamID] {
        try await add(events, to: keys.signIns, within: limit, SignInEntry.write)
    }

    /// As for sign-ins.
    public func publish(_ completions: [Completion]) async throws(RedisError) {
        _ = try await add(completions, to: keys.completions, within: nil, CompletionEntry.write)
    }

    /// What adds up to `batchLimit` completions, all together or not at all, to be sent with other commands.
    public func publication(of completions: ArraySlice<Completion>) -> RedisTransaction {
        Producer.transaction(completions, to: keys.completions, CompletionEntry.write)
    }

    private func add<Entry>(
        _ entries: [Entry], to key: String, within limit: Duration?, _ write: (Entry, inout RedisCommand) -> Void
    ) async throws(RedisError) -> [StreamID] {
        if entries.count == 1 {
            var command = RedisCommand("XADD")
            command.reserve(bytes: Producer.entrySize)
            command.append(key)
            command.append("*")
            write(entries[0], &command)
            return [try Producer.id(try await redis.send(command, within: limit))]
        }
        var ids: [StreamID] = []
        ids.reserveCapacity(entries.count)
        for start in stride(from: 0, to: entries.count, by: Producer.batchLimit) {
            let batch = entries[start..<min(start + Producer.batchLimit, entries.count)]
            let transaction = Producer.transaction(batch, to: key, write)
            // The server cannot refuse one of them alone unless somebody changes the key in mid-command; then the
            // caller must assume that the others were added.
            let replies = try await redis.run(transaction, within: limit)
            for index in 0..<replies.count { ids.append(try Producer.id(replies[index])) }
        }
        return ids
    }

    private static func transaction<Entry>(
        _ entries: ArraySlice<Entry>, to key: String, _ write: (Entry, inout RedisCommand) -> Void
    ) -> RedisTransaction {
        var transaction = RedisTransaction("XADD", reserving: entries.count * Producer.entrySize)
        for entry in entries {
            transaction.add { command in
                command.append(key)
                command.append("*")
                write(entry, &command)
            }
        }
        return transaction
    }

    /// Bytes of the command for a usual entry: one with more costs another piece of memory.
    private static let entrySize = 256

    private static func id(_ reply: RedisReply?) throws(RedisError) -> StreamID {
        if let error = reply?.error { throw RedisError(.server, "XADD", error.message, prefix: error.prefix) }
        guard let id = StreamID(reply) else { throw RedisError(.protocolViolation, "XADD", "not the id of an entry") }
        return id
    }
}

extension RedisCommand {
    mutating func append(_ name: String, _ value: String) {
        append(name)
        append(value)
    }

    mutating func append(_ name: String, _ id: Identifier) {
        append(name)
        let text = id.text
        append(text.span)
    }

    mutating func append(_ name: String, _ moment: Timestamp) {
        append(name)
        let text = moment.text
        append(text.span)
    }
}
