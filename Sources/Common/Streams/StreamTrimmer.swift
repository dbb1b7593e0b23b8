import Redis

/// Keeps a stream's memory bounded without losing anything that is not acknowledged.
public struct StreamTrimmer: Sendable {
    /// What a trim did.
    public struct Trimmed: Sendable, Equatable {
        /// How many entries were removed.
        public let count: Int
        /// Groups that are not ours and whose entries were removed all the same, for the stream was too long.
        public let overridden: [String]
    }

    private let redis: RedisClient

    public init(_ redis: RedisClient) {
        self.redis = redis
    }

    /// How many entries one call removes at most, so that the server is not held up.
    public static let stepLimit = 100_000

    /// Removes old entries that all of `groups` have acknowledged. Does nothing unless all of them exist, for a lost group
    /// must find everything when it is made again.
    ///
    /// Entries younger than `window` stay, and those that other people's groups have not acknowledged, as long as the
    /// stream has no more than `most` entries; of a longer one, what `groups` have acknowledged goes until it has.
    ///
    /// Works in whole nodes of the stream, about 100 entries, so a few that could go may stay. Call again while
    /// something is removed.
    public func trim(
        stream: String, groups: [String], keeping window: Duration, most: Int
    ) async throws(RedisError) -> Trimmed {
        let reply = try await redis.run(
            StreamTrimmer.script, keys: [stream, StreamKeys.buried(of: stream)],
            arguments: [ConsumerGroup.milliseconds(window), max(0, most), StreamTrimmer.stepLimit]
                + groups.map { $0 as any RedisArgument })
        return Trimmed(
            count: Int(clamping: reply[0]?.integer ?? 0), overridden: reply[1]?.elements.compactMap(\.string) ?? [])
    }

    /// KEYS: stream, set of its buried entries. ARGV: milliseconds to keep, most entries to keep, limit of one step, then the groups that must exist.
    /// Result: how many entries were removed, and which other groups were overridden.
    private static let script = RedisScript(
        name: "trim",
        source: """
            if redis.call('EXISTS', KEYS[1]) == 0 then return {0, {}} end
            local function earlier(a, b)
                local am, as = string.match(a, '^(%d+)-(%d+)$')
                local bm, bs = string.match(b, '^(%d+)-(%d+)$')
                -- Compared as digits: as numbers they would be rounded.
                if am ~= bm then return #am < #bm or (#am == #bm and am < bm) end
                return #as < #bs or (#as == #bs and as < bs)
            end
            local missing, done, others, isPending = {}, nil, {}, {}
            for i = 4, #ARGV do missing[ARGV[i]] = true end
            for _, flat in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
                local group = {}
                for i = 1, #flat, 2 do group[flat[i]] = flat[i + 1] end
                local safe = group['last-delivered-id']
                if group.pending > 0 then
                    local oldest = redis.call('XPENDING', KEYS[1], group.name)[2]
                    -- After a rewind the position may lie before what is pending.
                    if oldest and earlier(oldest, safe) then safe, isPending[group.name] = oldest, true end
                end
                if missing[group.name] then
                    missing[group.name] = nil
                    if not done or earlier(safe, done) then done = safe end
                else
                    others[group.name] = safe
                end
            end
            if next(missing) or not done then return {0, {}} end
            local time = redis.call('TIME')
            local bound = string.format('%.0f-0', math.max(0, time[1] * 1000 + math.floor(time[2] / 1000) - ARGV[1]))
            if earlier(done, bound) then bound = done end
            for _, safe in pairs(others) do
                if earlier(safe, bound) then bound = safe end
            end
            local removed = redis.call('XTRIM', KEYS[1], 'MINID', '~', bound, 'LIMIT', ARGV[3])
            local function forget()
                local first = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
                if first then
                    redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', '(' .. string.match(first[1], '^%d+'))
                end
            end
            local excess = math.min(redis.call('XLEN', KEYS[1]) - ARGV[2], ARGV[3] - removed)
            if excess <= 0 then
                if removed > 0 then forget() end
                return {removed, {}}
            end
            local needed = {}
            for name, safe in pairs(others) do
                needed[name] = redis.call('XRANGE', KEYS[1], (isPending[name] and '' or '(') .. safe, '+', 'COUNT', 1)[1]
            end
            removed = removed + redis.call('XTRIM', KEYS[1], 'MINID', '~', done, 'LIMIT', excess)
            local overridden = {}
            for name, entry in pairs(needed) do
                if #redis.call('XRANGE', KEYS[1], entry[1], entry[1]) == 0 then
                    overridden[#overridden + 1] = name
                end
            end
            forget()
            return {removed, overridden}
            """)
}
