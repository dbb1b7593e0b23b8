import Redis

extension ConsumerGroup {
    /// Keeps entries this consumer's own for another while: those that are still pending for it count as moved just now,
    /// without counting as delivered again. What another one has taken over stays with that one.
    ///
    /// - Returns: how many of them are still this consumer's.
    public func renew(_ ids: [StreamID]) async throws(RedisError) -> Int {
        var owned = 0
        var rest = ids[...]
        while !rest.isEmpty {
            let step = rest.prefix(ConsumerGroup.stepLimit)
            rest = rest.dropFirst(ConsumerGroup.stepLimit)
            do {
                let reply = try await commands.run(
                    ConsumerGroup.renewScript, keys: [stream],
                    arguments: [group, consumer] + step.map { $0 as any RedisArgument })
                owned += Int(clamping: reply.integer ?? 0)
            } catch {
                // A lost group has nothing of ours; the next read makes it again.
                guard error.prefix == "NOGROUP" else { throw error }
            }
        }
        return owned
    }

    /// KEYS: stream. ARGV: group, consumer, then ids. Result: how many of them are pending for that consumer.
    private static let renewScript = RedisScript(
        name: "renew",
        source: """
            local owned = {}
            for i = 3, #ARGV do
                local pending = redis.pcall('XPENDING', KEYS[1], ARGV[1], ARGV[i], ARGV[i], 1, ARGV[2])
                if pending.err then return pending end
                -- XCLAIM would take an entry without a body off the list, and nobody would know of it.
                if pending[1] and #redis.call('XRANGE', KEYS[1], ARGV[i], ARGV[i]) > 0 then
                    owned[#owned + 1] = ARGV[i]
                end
            end
            local count = #owned
            if count > 0 then
                owned[count + 1] = 'JUSTID'
                redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, unpack(owned))
            end
            return count
            """)
}
