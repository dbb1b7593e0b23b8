import Redis

/// One consumer of a group on a stream. Every entry is delivered to some consumer of the group, and again after a crash,
/// until it is acknowledged.
public struct ConsumerGroup: Sendable {
    public let stream: String
    public let group: String
    /// Host, process and a random start id: never used twice.
    public let consumer: String
    private let reads: RedisClient
    let commands: RedisClient

    /// - Parameters:
    ///   - reads: a client of this consumer's own (`dedicated`), for its reads block the connection.
    ///   - commands: any client of the same server.
    public init(reads: RedisClient, commands: RedisClient, stream: String, group: String, consumer: String) {
        self.reads = reads
        self.commands = commands
        self.stream = stream
        self.group = group
        self.consumer = consumer
    }

    /// Makes the group, and the stream with it, unless it exists. A new group begins with the first entry: after the
    /// group was lost, everything still in the stream is delivered again.
    ///
    /// - Returns: whether it was made now.
    @discardableResult
    public func ensure() async throws(RedisError) -> Bool {
        do {
            _ = try await commands.send(["XGROUP", "CREATE", stream, group, "0", "MKSTREAM"])
            return true
        } catch {
            guard error.prefix == "BUSYGROUP" else { throw error }
            return false
        }
    }

    /// The next entries that were never delivered to this group, in the stream's order: up to `count`, empty if none
    /// came for `block`. A lost group is made again.
    ///
    /// To stop, let a read end and do not call again: entries of a cancelled read stay with this consumer until they
    /// are reclaimed.
    ///
    /// - Parameter block: from 1 ms; kept to half of the client's command timeout.
    public func read(count: Int, block: Duration) async throws(RedisError) -> StreamBatch {
        do {
            return try await readOnce(count, block)
        } catch {
            // UNBLOCKED: the stream was removed while this read waited for it.
            guard error.prefix == "NOGROUP" || error.prefix == "UNBLOCKED" else { throw error }
            try await ensure()
            return try await readOnce(count, block)
        }
    }

    /// Tells the server that the entries are done with, in one command. Those that are not pending (any more) do not
    /// matter.
    ///
    /// - Parameter tidings: what is to be told before, in the same round trip. Whether it could be is not looked at.
    /// - Returns: how many were pending until now.
    @discardableResult
    public func acknowledge(_ ids: [StreamID], after tidings: RedisPipeline = []) async throws(RedisError) -> Int {
        guard !ids.isEmpty else { return 0 }
        var command = RedisCommand("XACK")
        command.reserve(bytes: ids.count * 24)
        command.append(stream)
        command.append(group)
        for id in ids { command.append(id) }
        if tidings.isEmpty { return Int(try await commands.send(command).integer ?? 0) }
        var pipeline = tidings
        pipeline.add(command)
        guard let reply = try await commands.pipeline(pipeline).last else {
            throw RedisError(.protocolViolation, "XACK", "no reply")
        }
        if let error = reply.error { throw RedisError(.server, "XACK", error.message, prefix: error.prefix) }
        return Int(reply.integer ?? 0)
    }

    private func readOnce(_ count: Int, _ block: Duration) async throws(RedisError) -> StreamBatch {
        let longest = reads.configuration.commandTimeout / 2
        let milliseconds = max(1, Int(min(block, longest) / .milliseconds(1)))
        let reply = try await reads.send([
            "XREADGROUP", "GROUP", group, consumer, "COUNT", max(1, count), "BLOCK", milliseconds, "STREAMS", stream,
            ">",
        ])
        if reply.count == 0 { return .empty }
        guard let entries = reply[0]?[1], let batch = StreamBatch(entries) else {
            throw RedisError(.protocolViolation, "XREADGROUP", "not a list of entries")
        }
        return batch
    }
}
