import Redis

/// Keeps a stream's memory bounded without losing anything that is not acknowledged.
public struct StreamTrimmer: Sendable {
    private let redis: RedisClient

    public init(_ redis: RedisClient) {
        self.redis = redis
    }

    /// Removes old entries that every group of the stream (other people's groups too) has acknowledged. Does nothing
    /// unless all of `groups` exist, for a lost group must find everything when it is made again.
    ///
    /// Works in whole nodes of the stream, about 100 entries, so a few that could go may stay.
    ///
    /// - Parameters:
    ///   - window: entries younger than this stay, acknowledged or not.
    ///   - limit: about how many entries to remove at most, so that the server is not held up; call again while the
    ///     result is not 0.
    /// - Returns: how many entries were removed.
    public func trim(
        stream: String, groups: [String], keeping window: Duration, limit: Int = 100_000
    ) async throws(RedisError) -> Int {
        let milliseconds = max(0, Int(window / .milliseconds(1)))
        let reply = try await redis.run(
            StreamTrimmer.script, keys: [stream],
            arguments: [milliseconds, max(1, limit)] + groups.map { $0 as any RedisArgument })
        return Int(reply.integer ?? 0)
    }

    /// KEYS: stream. ARGV: milliseconds to keep, limit, then the groups that must exist.
    /// Result: how many entries were removed.
    private static let script = RedisScript(
        name: "trim",
        source: """
            if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
            local function earlier(a, b)
                local am, as = string.match(a, '^(%d+)-(%d+)$')
                local bm, bs = string.match(b, '^(%d+)-(%d+)$')
                -- Compared as digits: as numbers they would be rounded.
                if am ~= bm then return #am < #bm or (#am == #bm and am < bm) end
                return #as < #bs or (#as == #bs and as < bs)
            end
            local time = redis.call('TIME')
            local bound = string.format('%.0f-0', math.max(0, time[1] * 1000 + math.floor(time[2] / 1000) - ARGV[1]))
            local missing = {}
            for i = 3, #ARGV do missing[ARGV[i]] = true end
            for _, flat in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
                local group = {}
                for i = 1, #flat, 2 do group[flat[i]] = flat[i + 1] end
                missing[group.name] = nil
                local safe = group['last-delivered-id']
                if group.pending > 0 then
                    local oldest = redis.call('XPENDING', KEYS[1], group.name)[2]
                    if oldest and earlier(oldest, safe) then safe = oldest end
                end
                if earlier(safe, bound) then bound = safe end
            end
            if next(missing) then return 0 end
            return redis.call('XTRIM', KEYS[1], 'MINID', '~', bound, 'LIMIT', ARGV[2])
            """)
}
