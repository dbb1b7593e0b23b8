import Redis

/// How far a stream's consumer groups are.
public struct StreamStatus: Sendable {
    public struct Consumer: Sendable {
        public let name: String
        public let pending: Int
        /// Since it last asked for something.
        public let idle: Duration
    }

    public struct Group: Sendable {
        public let name: String
        public let pending: Int
        /// Entries not delivered yet, or more: see `StreamSurvey`. Counted by hand, up to `countLimit`, when the server
        /// cannot tell.
        public let lag: Int
        public let lastDelivered: StreamID
        /// The oldest entry that is delivered and not acknowledged.
        public let oldestPending: StreamID?
        /// The oldest entry that is not done with: pending or not delivered yet.
        public let oldestUndone: StreamID?
        public let consumers: [Consumer]
    }

    /// How far a lag is counted entry by entry.
    public static let countLimit = 100_000

    public let length: Int
    public let groups: [Group]

    /// The state of `stream`; a stream that does not exist is empty and has no groups.
    public static func read(_ redis: RedisClient, stream: String) async throws(RedisError) -> StreamStatus {
        let replies = try await redis.pipeline([["XLEN", stream], ["XINFO", "GROUPS", stream]])
        guard replies.count == 2 else { throw RedisError(.protocolViolation, "XINFO", "no reply") }
        if let refusal = replies[0].error { throw RedisError(.server, "XLEN", refusal.message, prefix: refusal.prefix) }
        guard replies[1].kind == .array else { return StreamStatus(length: 0, groups: []) }
        var groups: [Group] = []
        let length = Int(replies[0].integer ?? 0)
        for info in replies[1].elements { groups.append(try await group(redis, stream, length, info)) }
        return StreamStatus(length: length, groups: groups)
    }

    private static func group(
        _ redis: RedisClient, _ stream: String, _ length: Int, _ info: RedisReply
    ) async throws(RedisError) -> Group {
        guard let name = info.value(named: "name")?.string, let last = StreamID(info.value(named: "last-delivered-id"))
        else { throw RedisError(.protocolViolation, "XINFO", "a group without name or position") }
        let knownLag = info.value(named: "lag")?.integer.map { Int($0) }
        let after = "(\(last)"
        // The group may be gone by now: then the replies are errors, which read as nothing.
        let replies = try await redis.pipeline([
            ["XPENDING", stream, name], ["XINFO", "CONSUMERS", stream, name],
            ["XRANGE", stream, after, "+", "COUNT", 1],
        ])
        let oldestPending = replies.first.flatMap { StreamID($0[1]) }
        let oldestWaiting = replies.last.flatMap { $0[0] }.flatMap { StreamID($0[0]) }
        var lag = 0
        if oldestWaiting != nil {
            // More than is there was read before a restart, after which Redis 7.0 has forgotten it.
            if let knownLag {
                lag = min(knownLag, length)
            } else {
                lag = try await countEntries(redis, stream, after: last)
            }
        }
        return Group(
            name: name, pending: replies.first?[0]?.integer.map { Int($0) } ?? 0, lag: lag, lastDelivered: last,
            oldestPending: oldestPending,
            // After a rewind older entries may wait than are pending.
            oldestUndone: [oldestPending, oldestWaiting].compactMap(\.self).min(),
            consumers: replies.count == 3 ? replies[1].elements.compactMap { consumer($0) } : [])
    }

    private static func consumer(_ info: RedisReply) -> Consumer? {
        guard let name = info.value(named: "name")?.string else { return nil }
        return Consumer(
            name: name, pending: Int(info.value(named: "pending")?.integer ?? 0),
            idle: .milliseconds(info.value(named: "idle")?.integer ?? 0))
    }

    /// KEYS: stream. ARGV: id to begin after, how many to count at most. Result: how many entries follow.
    private static let countScript = RedisScript(
        name: "count-entries",
        source: """
            local count, after = 0, ARGV[1]
            while count < tonumber(ARGV[2]) do
                local entries = redis.call('XRANGE', KEYS[1], '(' .. after, '+', 'COUNT', 1000)
                if #entries == 0 then break end
                count = count + #entries
                after = entries[#entries][1]
            end
            return count
            """)

    private static func countEntries(
        _ redis: RedisClient, _ stream: String, after id: StreamID
    ) async throws(RedisError) -> Int {
        Int(try await redis.run(countScript, keys: [stream], arguments: [id, countLimit]).integer ?? 0)
    }
}
