import Redis

extension ConsumerGroup {
    /// Tells the server how many entries the group has read, when few enough wait to be counted and the server thinks
    /// otherwise: Redis 7.0 neither writes that number to its append-only file nor sends it to replicas, so after a
    /// restart or a failover the lag that others see would be too large for good.
    ///
    /// - Returns: whether the number was wrong.
    @discardableResult
    public func repairLag() async throws(RedisError) -> Bool {
        try await commands.run(
            ConsumerGroup.repairLagScript, keys: [stream], arguments: [group, ConsumerGroup.countLimit]
        ).integer == 1
    }

    /// More waiting entries than this are not counted, so that the server is not held up.
    private static let countLimit = 1_000

    /// KEYS: stream. ARGV: group, how many to count at most. Result: 1 if the number was wrong, else 0.
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
                if group.name == ARGV[1] then
                    local last, waiting = group['last-delivered-id'], 0
                    if last ~= stream['last-generated-id'] then
                        local after = last
                        repeat
                            local entries = redis.call('XRANGE', KEYS[1], '(' .. after, '+', 'COUNT', 1000)
                            waiting = waiting + #entries
                            if waiting > tonumber(ARGV[2]) then return 0 end
                            if #entries > 0 then after = entries[#entries][1] end
                        until #entries < 1000
                    end
                    local read = stream['entries-added'] - waiting
                    if group['entries-read'] == read then return 0 end
                    local set = redis.pcall('XGROUP', 'SETID', KEYS[1], ARGV[1], last, 'ENTRIESREAD', read)
                    return type(set) == 'table' and set.err and set or 1
                end
            end
            return 0
            """)
}
