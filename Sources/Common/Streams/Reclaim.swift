import Redis

/// A pending entry that nobody has moved for a while, as the pending list tells of it.
public struct StaleEntry: Sendable, Hashable {
    public let id: StreamID
    /// Whom it was given to.
    public let consumer: String
    /// How often it was delivered. Being delivered often is no fault of the entry.
    public let deliveries: Int

    public init(id: StreamID, consumer: String, deliveries: Int) {
        self.id = id
        self.consumer = consumer
        self.deliveries = deliveries
    }
}

/// One step of a sweep over a group's pending list.
public struct StaleEntries: Sendable {
    public let entries: [StaleEntry]
    /// Where the sweep goes on; nil when it has seen the whole list.
    public let next: StreamID?
}

/// An entry with how often it was delivered, this time included.
public struct Delivery: Sendable {
    public let entry: StreamEntry
    public let deliveries: Int

    public init(entry: StreamEntry, deliveries: Int) {
        self.entry = entry
        self.deliveries = deliveries
    }
}

/// What was taken over from consumers that no longer move.
public struct Takeover: Sendable {
    public let deliveries: [Delivery]
    /// Pending entries whose bodies are no longer in the stream. They stay pending until they are acknowledged, so that
    /// whoever finds them can write them down first.
    public let missing: [StreamID]
    /// Of an entry on trial: how many trials began without an end known, this one included.
    public let trials: Int

    static let nothing = Takeover(deliveries: [], missing: [], trials: 0)
}

extension ConsumerGroup {
    /// The next entries in the order of the stream that some consumer, this one included, was given at least `minIdle`
    /// ago and has neither acknowledged nor renewed since. A lost group is made again.
    ///
    /// - Parameters:
    ///   - count: how many entries at most, from 1.
    ///   - cursor: the `next` of the sweep's last step, or zero to begin one.
    public func stale(
        minIdle: Duration, count: Int, after cursor: StreamID = .zero
    ) async throws(RedisError) -> StaleEntries {
        let count = max(1, count)
        let reply: RedisReply
        do {
            reply = try await commands.send([
                "XPENDING", stream, group, "IDLE", ConsumerGroup.milliseconds(minIdle),
                cursor == .zero ? "-" : "(\(cursor)", "+", count,
            ])
        } catch {
            guard error.prefix == "NOGROUP" else { throw error }
            try await ensure()
            return StaleEntries(entries: [], next: nil)
        }
        var entries: [StaleEntry] = []
        for info in reply.elements {
            guard let id = StreamID(info[0]), let consumer = info[1]?.string else {
                throw RedisError(.protocolViolation, "XPENDING", "an entry without id or consumer")
            }
            entries.append(
                StaleEntry(id: id, consumer: consumer, deliveries: Int(clamping: info[3]?.integer ?? 1)))
        }
        return StaleEntries(entries: entries, next: entries.count == count ? entries.last?.id : nil)
    }

    /// Takes these entries over, those that are still pending and have not moved for `minIdle`, and counts one more
    /// delivery of each.
    ///
    /// - Parameters:
    ///   - ids: at most `stepLimit`.
    ///   - isTrial: notes that the one entry is tried alone, until `endTrial` takes the note back.
    public func takeOver(
        _ ids: [StreamID], minIdle: Duration, isTrial: Bool = false
    ) async throws(RedisError) -> Takeover {
        guard !ids.isEmpty else { return .nothing }
        let reply: RedisReply
        do {
            reply = try await commands.run(
                ConsumerGroup.takeOverScript, keys: [stream, StreamKeys.trials(of: stream)],
                arguments: [group, consumer, ConsumerGroup.milliseconds(minIdle), isTrial ? 1 : 0]
                    + ids.map { $0 as any RedisArgument })
        } catch {
            guard error.prefix == "NOGROUP" else { throw error }
            try await ensure()
            return .nothing
        }
        guard let taken = reply[0], let missing = reply[1] else {
            throw RedisError(.protocolViolation, "take over", "not two lists")
        }
        var deliveries: [Delivery] = []
        deliveries.reserveCapacity(taken.count)
        for item in taken.elements {
            guard let entry = item[0].flatMap({ StreamEntry($0) }) else {
                throw RedisError(.protocolViolation, "take over", "not an entry")
            }
            deliveries.append(Delivery(entry: entry, deliveries: Int(clamping: item[1]?.integer ?? 1)))
        }
        return Takeover(
            deliveries: deliveries, missing: missing.elements.compactMap { StreamID($0) },
            trials: Int(clamping: reply[2]?.integer ?? 0))
    }

    /// How many entries one call of `takeOver` or `renew` may name, so that the server is not held up.
    public static let stepLimit = 1_000

    /// KEYS: stream, hash of trials. ARGV: group, consumer, idle milliseconds, whether on trial (1 or 0), then ids.
    /// Result: pairs of an entry and its deliveries; ids whose entries are gone; how many trials have begun.
    private static let takeOverScript = RedisScript(
        name: "take over",
        source: """
            local taken, missing, trials = {}, {}, 0
            for i = 5, #ARGV do
                local id = ARGV[i]
                local pending = redis.pcall('XPENDING', KEYS[1], ARGV[1], 'IDLE', ARGV[3], id, id, 1)
                if pending.err then return pending end
                if pending[1] then
                    -- XCLAIM would take an entry without a body off the list, and nobody would know of it.
                    if #redis.call('XRANGE', KEYS[1], id, id) == 0 then
                        missing[#missing + 1] = id
                    else
                        local entry = redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, id)[1]
                        taken[#taken + 1] = {entry, pending[1][4] + 1}
                    end
                end
            end
            if ARGV[4] == '1' and #taken > 0 then
                trials = redis.call('HINCRBY', KEYS[2], ARGV[1] .. ' ' .. ARGV[5], 1)
                redis.call('EXPIRE', KEYS[2], 604800)
            end
            return {taken, missing, trials}
            """)

    /// Notes that the worker has lived through the trial of an entry, whatever became of the entry.
    public func endTrial(of id: StreamID) async throws(RedisError) {
        _ = try await commands.send(["HDEL", StreamKeys.trials(of: stream), "\(group) \(id)"])
    }

    static func milliseconds(_ duration: Duration) -> Int { max(0, Int(clamping: Int64(duration / .milliseconds(1)))) }
}

extension RedisError {
    /// XINFO on a key that does not exist.
    var isNoSuchKey: Bool { code == .server && detail.contains("no such key") }
}
