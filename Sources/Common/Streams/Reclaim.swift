import Redis

/// What a sweep over a group's pending list took over from consumers that no longer move.
public struct Reclaimed: Sendable {
    public struct Entry: Sendable {
        public let entry: StreamEntry
        /// How often it was delivered, this time included. Being delivered often is no fault of the entry.
        public let deliveries: Int
    }

    public let entries: [Entry]
    /// Entries that were pending but are no longer in the stream; the server has taken them off the pending list.
    public let deleted: [StreamID]
    /// Where the sweep goes on; nil when it has seen the whole list.
    public let next: StreamID?

    public static let nothing = Reclaimed(entries: [], deleted: [], next: nil)
}

extension ConsumerGroup {
    /// Takes over entries that some consumer was given at least `minIdle` ago and has not acknowledged since. A lost
    /// group is made again.
    ///
    /// - Parameters:
    ///   - count: how many entries at most, from 1.
    ///   - cursor: the `next` of the sweep's last step, or zero to begin one.
    public func reclaim(
        minIdle: Duration, count: Int, after cursor: StreamID = .zero
    ) async throws(RedisError) -> Reclaimed {
        let milliseconds = max(0, Int(minIdle / .milliseconds(1)))
        let reply: RedisReply
        do {
            reply = try await commands.run(
                ConsumerGroup.reclaimScript, keys: [stream],
                arguments: [group, consumer, milliseconds, cursor, max(1, count)])
        } catch {
            guard error.prefix == "NOGROUP" else { throw error }
            try await ensure()
            return .nothing
        }
        guard let next = StreamID(reply[0]), let batch = reply[1].flatMap({ StreamBatch($0) }),
            let deleted = reply[2], let deliveries = reply[3]
        else { throw RedisError(.protocolViolation, "reclaim", "not what XAUTOCLAIM returns") }
        let entries = zip(batch, deliveries.elements).map { entry, count in
            Reclaimed.Entry(entry: entry, deliveries: count.integer.map { Int($0) } ?? 1)
        }
        guard entries.count == batch.count else {
            throw RedisError(.protocolViolation, "reclaim", "\(deliveries.count) counts for \(batch.count) entries")
        }
        return Reclaimed(
            entries: entries, deleted: deleted.elements.compactMap { StreamID($0) }, next: next == .zero ? nil : next)
    }

    /// KEYS: stream. ARGV: group, consumer, idle milliseconds, cursor, count.
    /// Result: next cursor, entries, deleted ids, and for each entry how often it was delivered.
    private static let reclaimScript = RedisScript(
        name: "reclaim",
        source: """
            local claimed = redis.pcall(
                'XAUTOCLAIM', KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4], 'COUNT', ARGV[5])
            if claimed.err then return claimed end
            local entries, counts = {}, {}
            for _, entry in ipairs(claimed[2]) do
                if entry then
                    local pending = redis.call('XPENDING', KEYS[1], ARGV[1], entry[1], entry[1], 1)
                    entries[#entries + 1] = entry
                    counts[#counts + 1] = pending[1] and pending[1][4] or 1
                end
            end
            return {claimed[1], entries, claimed[3] or {}, counts}
            """)

    /// Removes consumers that hold nothing and were given nothing for `idle`; never this one, and never one with pending
    /// entries, which the server would forget with it. One that lives after all is known again with its next entry.
    ///
    /// - Returns: the names of those removed.
    public func removeIdleConsumers(idle: Duration) async throws(RedisError) -> [String] {
        let milliseconds = max(0, Int(idle / .milliseconds(1)))
        do {
            let reply = try await commands.run(
                ConsumerGroup.removeScript, keys: [stream], arguments: [group, consumer, milliseconds])
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

extension RedisError {
    /// XINFO on a key that does not exist.
    var isNoSuchKey: Bool { code == .server && detail.contains("no such key") }
}
