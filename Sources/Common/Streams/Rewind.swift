import Domain
import Redis

/// Sets a consumer group back, so that entries which it has had are delivered again. That is harmless, for whoever applies
/// them knows them by their `event_id`; it is how a database that was restored from a backup gets back what came after it.
///
/// A group's position is only ever moved back: forward would skip entries. The comparison and the move are one step on the
/// server, so whatever workers read meanwhile cannot come between them.
public struct Rewind: Sendable {
    /// Why nothing was changed.
    public enum Refusal: Error, Equatable, Sendable {
        /// There is no stream: whatever it held is gone.
        case noStream(String)
        case inTheFuture(Timestamp, now: Timestamp)
        /// The group has not come as far yet: everything from then on is still going to be delivered.
        case alreadyBefore(Timestamp, position: StreamID)
        /// Entries from then on may have been removed; from `earliest` on everything is there.
        case gap(Timestamp, earliest: Timestamp)
        /// Stream or group changed again and again while entries were counted.
        case unsettled
    }

    public struct Outcome: Equatable, Sendable {
        /// From when on entries are delivered again.
        public let since: Timestamp
        /// How many entries that the group was given before are delivered again.
        public let again: Int64
        /// How many wait besides that it was never given.
        public let waiting: Int64
        /// Whether there was no group: it was made, and is given all that the stream holds.
        public let madeGroup: Bool
        /// When the first entry that the stream holds was added; nil if it holds none.
        public let first: Timestamp?
    }

    private let redis: RedisClient
    private let stream: String
    private let group: String

    public init(_ redis: RedisClient, stream: String, group: String) {
        self.redis = redis
        self.stream = stream
        self.group = group
    }

    /// Has every entry delivered (again) that was added at `time` or later. A missing group is made, at the beginning of
    /// the stream, for any later place could skip something.
    ///
    /// - Parameter allowingGap: also when entries of that time are not in the stream any more: as many as there are.
    /// - Throws: `Refusal`, `RedisError`; after one that `mayHaveHappened`, doing it again is safe.
    public func run(since time: RewindTime, allowingGap: Bool = false) async throws -> Outcome {
        let now = try await clock()
        let since = time.resolved(at: now)
        guard since <= now else { throw Refusal.inTheFuture(since, now: now) }
        for _ in 0..<Rewind.tries {
            let extent = try await StreamExtent.read(redis, stream: stream)
            if !allowingGap {
                guard let extent else { throw Refusal.noStream(stream) }
                guard extent.completeFrom <= StreamID(from: since) else {
                    throw Refusal.gap(since, earliest: extent.completeFrom.timeRoundedUp)
                }
            }
            if try await makeGroup() {
                let first = extent.flatMap { $0.length > 0 ? $0.first.time : nil }
                return Outcome(since: since, again: 0, waiting: extent?.length ?? 0, madeGroup: true, first: first)
            }
            if let extent, let outcome = try await move(since, extent, allowingGap) { return outcome }
        }
        throw Refusal.unsettled
    }

    /// How often it is tried when stream or group change meanwhile.
    private static let tries = 5

    private func clock() async throws(RedisError) -> Timestamp {
        let reply = try await redis.send(["TIME"])
        guard let seconds = reply[0]?.integer, let microseconds = reply[1]?.integer else {
            throw RedisError(.protocolViolation, "TIME", "not a time")
        }
        return Timestamp(
            milliseconds: min(max(seconds, 0), 1 << 50) * 1_000 + min(max(microseconds, 0), 999_999) / 1_000)
    }

    private func makeGroup() async throws(RedisError) -> Bool {
        try await ConsumerGroup(reads: redis, commands: redis, stream: stream, group: group, consumer: "").ensure()
    }

    /// Page by page, so that the server is never held up.
    private func count(after position: StreamID, through last: StreamID) async throws(RedisError) -> Int64 {
        var count: Int64 = 0
        var cursor = position
        while cursor < last {
            let page = try await redis.send(["XRANGE", stream, "(\(cursor)", last, "COUNT", Rewind.page])
            guard page.count > 0 else { break }
            guard let end = page[page.count - 1].flatMap({ StreamID($0[0]) }), end > cursor else {
                throw RedisError(.protocolViolation, "XRANGE", "not a list of entries")
            }
            count += Int64(page.count)
            cursor = end
        }
        return count
    }

    private static let page = 5_000

    /// - Returns: nil if the stream is not any more what `extent` says.
    private func move(_ since: Timestamp, _ extent: StreamExtent, _ allowingGap: Bool) async throws -> Outcome? {
        let position = StreamID(before: since)
        // Entries added later lie behind the last id of that instant, and count as added later, too.
        let after = try await count(after: position, through: extent.last)
        let reply = try await redis.run(
            Rewind.script, keys: [stream],
            arguments: [
                group, position, extent.added - after, extent.first, extent.deleted, extent.last, allowingGap ? 1 : 0,
            ])
        switch (reply[0]?.string, StreamID(reply[1]), reply[2]?.integer, reply[3]?.integer) {
        case ("before", .some(let present), _, _): throw Refusal.alreadyBefore(since, position: present)
        case ("changed", _, _, _): return nil
        case ("moved", .some(let former), .some(let total), .some(let lag)):
            // The lag also counts entries that were trimmed before this group had them.
            let again = lag >= 0 ? max(0, total - lag) : try await count(after: position, through: former)
            return Outcome(
                since: since, again: again, waiting: max(0, total - again), madeGroup: false,
                first: extent.length > 0 ? extent.first.time : nil)
        default: throw RedisError(.protocolViolation, "rewind", "an answer that the script does not give")
        }
    }

    /// KEYS: stream. ARGV: group, position, how many entries were ever added up to it, then the first, the greatest deleted
    /// and the last id at the time of counting, whether a gap is allowed (1 or 0).
    /// Result: `changed`, as group or stream are not what was counted · `before` and the group's position, which is not
    /// after the wanted one · `moved`, the former position, how many entries follow the new one, and the former lag, -1 if
    /// the server did not know it.
    ///
    /// How many entries the group has read is set with the position, so that its lag stays known. That number is what was
    /// counted, or, when the position lies before all that is held, all that is not held any more.
    private static let script = RedisScript(
        name: "rewind",
        source: """
            local function earlier(a, b)
                local am, as = string.match(a, '^(%d+)-(%d+)$')
                local bm, bs = string.match(b, '^(%d+)-(%d+)$')
                -- Compared as digits: as numbers they would be rounded.
                if am ~= bm then return #am < #bm or (#am == #bm and am < bm) end
                return #as < #bs or (#as == #bs and as < bs)
            end
            local function map(flat)
                local fields = {}
                for i = 1, #flat, 2 do fields[flat[i]] = flat[i + 1] end
                return fields
            end
            if redis.call('EXISTS', KEYS[1]) == 0 then return {'changed'} end
            local group
            for _, flat in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
                local found = map(flat)
                if found.name == ARGV[1] then group = found end
            end
            local stream = map(redis.call('XINFO', 'STREAM', KEYS[1]))
            local first = stream['recorded-first-entry-id']
            local isBeforeAll = stream.length == 0 or earlier(ARGV[2], first)
            if not group or earlier(stream['last-generated-id'], ARGV[6])
                or stream['max-deleted-entry-id'] ~= ARGV[5]
                or (isBeforeAll and first ~= ARGV[4] and ARGV[7] ~= '1') then
                return {'changed'}
            end
            local former = group['last-delivered-id']
            if not earlier(ARGV[2], former) then return {'before', former} end
            local added = stream['entries-added']
            local read = isBeforeAll and added - stream.length or tonumber(ARGV[3])
            redis.call('XGROUP', 'SETID', KEYS[1], ARGV[1], ARGV[2], 'ENTRIESREAD', string.format('%.0f', read))
            return {'moved', former, added - read, group.lag or -1}
            """)
}

extension Rewind.Refusal: CustomStringConvertible {
    public var description: String {
        switch self {
        case .noStream(let stream):
            "there is no stream \(stream), so nothing can be delivered again (--allow-gap makes an empty one)"
        case .inTheFuture(let time, let now): "\(time) is in the future: the streams server says it is \(now)"
        case .alreadyBefore(let time, let position):
            "the group stands at \(position), before \(time): everything since then is still going to be delivered"
        case .gap(let time, let earliest):
            """
            not all entries since \(time) are in the stream any more: \(earliest) is the earliest time from which on they \
            are (--allow-gap delivers what is left)
            """
        case .unsettled: "the stream changed again and again while its entries were counted: try again"
        }
    }
}
