import Redis

extension ConsumerGroup {
    /// Removes consumers that hold nothing and were given nothing for `idle`; never this one, and never one with pending
    /// entries, which the server would forget with it. One that lives after all is known again with its next entry.
    ///
    /// - Returns: the names of those removed.
    public func removeIdleConsumers(idle: Duration) async throws(RedisError) -> [String] {
        do {
            let reply = try await commands.run(
                ConsumerGroup.removeScript, keys: [stream],
                arguments: [group, consumer, ConsumerGroup.milliseconds(idle)])
            return reply.elements.compactMap(\.string)
        } catch {
            // No stream or no group: no consumers.
            if error.prefix == "NOGROUP" || error.isNoSuchKey { return [] }
            throw error
        }
    }

    /// KEYS: stream. ARGV: group, the consumer that asks, idle milliseconds. Result: the names removed.
    private static let removeScript = RedisScript(
        name: "remove-idle-consumers",
        source: """
            local consumers = redis.pcall('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])
            if consumers.err then return consumers end
            local removed = {}
            for _, flat in ipairs(consumers) do
                local consumer = {}
                for i = 1, #flat, 2 do consumer[flat[i]] = flat[i + 1] end
                if consumer.pending == 0 and consumer.idle >= tonumber(ARGV[3]) and consumer.name ~= ARGV[2] then
                    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], consumer.name)
                    removed[#removed + 1] = consumer.name
                end
            end
            return removed
            """)
}
