import Redis

/// A place in a stream, to ask whether a group is done with everything up to there, whatever is added meanwhile.
public struct StreamMark: Sendable {
    /// What a group has not finished.
    public struct Rest: Equatable, Sendable {
        /// Entries up to the mark that are delivered and not acknowledged, as far as `countLimit` goes.
        public let pending: Int
        /// Whether entries up to the mark were not delivered yet.
        public let hasWaiting: Bool

        public var isNothing: Bool { pending == 0 && !hasWaiting }
    }

    public static let countLimit = 1_000

    public let stream: String
    public let id: StreamID

    /// The end of `stream` as it is now.
    ///
    /// - Returns: nil if there is no stream.
    public static func end(of stream: String, _ redis: RedisClient) async throws(RedisError) -> StreamMark? {
        guard let extent = try await StreamExtent.read(redis, stream: stream) else { return nil }
        return StreamMark(stream: stream, id: extent.last)
    }

    /// What `group` is not done with up to here. For a group that does not exist that is everything: it will be made, and
    /// be given it. For a stream that does not exist any more, it is nothing.
    public func rest(of group: String, _ redis: RedisClient) async throws(RedisError) -> Rest {
        let replies = try await redis.pipeline([
            ["XINFO", "GROUPS", stream], ["XPENDING", stream, group, "-", id, StreamMark.countLimit],
        ])
        guard replies.count == 2 else { throw RedisError(.protocolViolation, "XINFO", "no reply") }
        if let refusal = replies[0].error {
            guard !refusal.message.contains("no such key") else { return Rest(pending: 0, hasWaiting: false) }
            throw RedisError(.server, "XINFO", refusal.message, prefix: refusal.prefix)
        }
        let info = replies[0].elements.first { $0.value(named: "name")?.string == group }
        let position = StreamID(info?.value(named: "last-delivered-id")) ?? .zero
        var hasWaiting = false
        if position < id {
            hasWaiting = try await redis.send(["XRANGE", stream, "(\(position)", id, "COUNT", 1]).count > 0
        }
        return Rest(pending: replies[1].count, hasWaiting: hasWaiting)
    }
}
