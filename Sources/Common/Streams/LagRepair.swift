import Redis

extension ConsumerGroup {
    /// Tells the server how many entries the group has read, when it has read all there are and the server thinks
    /// otherwise: Redis 7.0 neither writes that number to its append-only file nor sends it to replicas, so after a
    /// restart or a failover the lag that others see would be too large for good.
    ///
    /// - Returns: whether the number was wrong.
    @discardableResult
    public func repairLag() async throws(RedisError) -> Bool {
        try await commands.run(ConsumerGroup.repairLagScript, keys: [stream], arguments: [group]).integer == 1
    }

    /// KEYS: stream. ARGV: group. Result: 1 if the number was wrong, else 0.
    private static let repairLagScript = RedisScript(
        name: "repair-lag",
        source: """
            if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
            local function map(flat)
                local map = {}
                for i = 1, #flat, 2 do map[flat[i]] = flat[i + 1] end
                return map
            end
            local stream = map(redis.call('XINFO', 'STREAM', KEYS[1]))
            for _, flat in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
                local group = map(flat)
                local last, added = group['last-delivered-id'], stream['entries-added']
                if group.name == ARGV[1] and last == stream['last-generated-id'] and group['entries-read'] ~= added then
                    local set = redis.pcall('XGROUP', 'SETID', KEYS[1], ARGV[1], last, 'ENTRIESREAD', added)
                    return type(set) == 'table' and set.err and set or 1
                end
            end
            return 0
            """)
}
