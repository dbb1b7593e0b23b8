import Domain
import Redis

/// How the streams stand at one instant, and in which life: what a janitor and a front need to know in order to notice
/// that a server has forgotten something.
public struct StreamSurvey: Sendable {
    /// One of the streams; all zeros when it does not exist.
    public struct Stream: Equatable, Sendable {
        public let length: Int
        /// How many entries were ever added, those trimmed since among them.
        public let entriesAdded: Int64
        /// The oldest entry that is still there.
        public let firstID: StreamID?
        /// The newest one that was ever added.
        public let lastID: StreamID
        /// The group that works on this stream; nil when it does not exist.
        public let group: Group?
    }

    public struct Group: Equatable, Sendable {
        public let lastDelivered: StreamID
        /// Nil when the server cannot tell.
        public let entriesRead: Int64?
        /// Entries not delivered yet, or more: after a restart Redis 7.0 tells too many until the group has read them all.
        /// Nil when the server cannot tell, as after an XDEL among them.
        public let lag: Int?
        /// Entries delivered and not acknowledged.
        public let pending: Int
        public let oldestPending: StreamID?
        /// The oldest entry that is not done with: pending, or not delivered yet. After a rewind either may be older.
        public internal(set) var oldestUndone: StreamID?
    }

    /// Tells one life of the streams from the next: after FLUSHALL or the loss of a disk it is another one.
    public let generation: String
    /// The server's own id for this run of it: another one after a restart, and on a replica that took over. Empty when
    /// the server does not tell.
    public let run: String
    public let signIns: Stream
    public let completions: Stream
    public let deadLetters: Int

    /// Asks for everything at once. Who finds that the streams have no generation gives them one; otherwise nothing is
    /// written, so a server that refuses writes can still be asked.
    ///
    /// - Throws: `RedisError`.
    public static func take(_ redis: RedisClient, keys: StreamKeys) async throws(RedisError) -> StreamSurvey {
        let reply = try await redis.run(
            takeScript, keys: [keys.generation, keys.signIns, keys.completions, keys.deadLetters],
            arguments: [Identifier.random().description, StreamKeys.progressGroup, StreamKeys.claimsGroup])
        guard let generation = reply[0]?.string, let run = reply[1]?.string, let signIns = Stream(reply[2]),
            let completions = Stream(reply[3]), let letters = reply[4]?.integer
        else { throw RedisError(.protocolViolation, "survey", "not what XINFO and XPENDING tell") }
        return StreamSurvey(
            generation: generation, run: run, signIns: signIns, completions: completions, deadLetters: Int(letters))
    }

    /// Gives the streams a new generation unless somebody has already: for whoever finds that entries are gone.
    ///
    /// - Parameter old: the generation of which they were.
    /// - Returns: the generation in force.
    /// - Throws: `RedisError`.
    public static func renew(
        _ redis: RedisClient, keys: StreamKeys, from old: String
    ) async throws(RedisError) -> String {
        let reply = try await redis.run(
            renewScript, keys: [keys.generation], arguments: [old, Identifier.random().description])
        guard let generation = reply.string else {
            throw RedisError(.protocolViolation, "renew the generation", "not a string")
        }
        return generation
    }

    /// KEYS: generation, then three streams: sign-ins, completions, dead letters. ARGV: a generation to begin with, then
    /// the groups of the first two streams.
    /// Result: generation, run id, for each of the two streams {length, entries added, first id or nil, last id, group or
    /// nil}, and the number of dead letters; a group is {last delivered, entries read or nil, lag or nil, pending, oldest
    /// pending or nil, first one not delivered or nil}.
    private static let takeScript = RedisScript(
        name: "survey",
        source: """
            local function map(flat)
                local map = {}
                for i = 1, #flat, 2 do map[flat[i]] = flat[i + 1] end
                return map
            end
            local function survey(key, name)
                -- XINFO fails on a key that does not exist.
                if redis.call('EXISTS', key) == 0 then return {0, 0, false, '0-0', false} end
                local stream, found = map(redis.call('XINFO', 'STREAM', key)), false
                for _, flat in ipairs(redis.call('XINFO', 'GROUPS', key)) do
                    local group = map(flat)
                    if group.name == name then
                        local last = group['last-delivered-id']
                        local oldest = group.pending > 0 and redis.call('XPENDING', key, name)[2]
                        local waiting = redis.call('XRANGE', key, '(' .. last, '+', 'COUNT', 1)[1]
                        -- Redis 7.0 forgets with a restart how much a group has read; it cannot be behind by more than this.
                        local lag = group.lag and math.min(group.lag, stream.length)
                        if not waiting then lag = 0 end
                        found = {
                            last, group['entries-read'] or false, lag or false, group.pending,
                            oldest or false, waiting and waiting[1] or false}
                    end
                end
                local first = stream['first-entry']
                return {
                    stream.length, stream['entries-added'], first and first[1] or false,
                    stream['last-generated-id'], found}
            end
            local generation = redis.call('GET', KEYS[1])
            if not generation then
                local set = redis.pcall('SET', KEYS[1], ARGV[1])
                if set.err then return set end
                generation = ARGV[1]
            end
            local server = redis.pcall('INFO', 'server')
            local run = type(server) == 'string' and string.match(server, 'run_id:(%x+)') or ''
            return {
                generation, run, survey(KEYS[2], ARGV[2]), survey(KEYS[3], ARGV[3]), redis.call('XLEN', KEYS[4])}
            """)

    /// KEYS: generation. ARGV: the old generation, a new one. Result: the one in force.
    private static let renewScript = RedisScript(
        name: "renew-generation",
        source: """
            local present = redis.call('GET', KEYS[1])
            if present and present ~= ARGV[1] then return present end
            redis.call('SET', KEYS[1], ARGV[2])
            return ARGV[2]
            """)
}

extension StreamSurvey {
    /// How a survey tells that entries are gone, or may be, that an earlier one has seen.
    public enum Break: String, Sendable {
        /// Everything is: by a flush, or with a disk. (Or only the generation's key, which looks the same.)
        case newGeneration = "the streams were flushed or lost"
        /// The newest entries of a stream, or a whole stream.
        case lostEntries = "a stream has lost entries"
        /// Perhaps the newest ones: what a server that was killed had not written, or a replica not received.
        case newRun = "Redis was restarted or has failed over"
    }

    /// Nil when everything that `earlier` saw is still there or was removed on purpose.
    public func breaks(with earlier: StreamSurvey) -> Break? {
        if generation != earlier.generation { return .newGeneration }
        if !signIns.continues(earlier.signIns) || !completions.continues(earlier.completions) { return .lostEntries }
        return run == earlier.run ? nil : .newRun
    }
}

extension StreamSurvey.Stream {
    /// Whether the group has acknowledged this entry and all before it. Only for an entry that was added in this life of
    /// the stream: a lost one is passed by without being delivered.
    public func isDone(_ id: StreamID) -> Bool {
        guard let group, id <= group.lastDelivered else { return false }
        return group.oldestPending.map { id < $0 } ?? true
    }

    /// Entries that the group is not done with; nil when the server cannot tell. A missing group has everything before it.
    public var undone: Int? {
        guard let group else { return length }
        return group.lag.map { $0 + group.pending }
    }

    /// Whether this is the same stream as `earlier`, later: nothing at its end is lost, and it was not made anew.
    public func continues(_ earlier: StreamSurvey.Stream) -> Bool {
        guard lastID >= earlier.lastID, entriesAdded >= earlier.entriesAdded else { return false }
        // A stream that was made anew may already be longer than the old one was. Then all entries are newer than those
        // seen earlier, as after trimming, but more than were added since.
        guard let firstID, firstID > earlier.lastID else { return true }
        return Int64(length) <= entriesAdded - earlier.entriesAdded
    }

    init?(_ reply: RedisReply?) {
        guard let reply, let length = reply[0]?.integer, let added = reply[1]?.integer, let last = StreamID(reply[3])
        else { return nil }
        self.init(
            length: Int(length), entriesAdded: added, firstID: StreamID(reply[2]), lastID: last,
            group: StreamSurvey.Group(reply[4]))
    }
}

extension StreamSurvey.Group {
    init?(_ reply: RedisReply?) {
        guard let reply, let delivered = StreamID(reply[0]), let pending = reply[3]?.integer else { return nil }
        self.init(
            lastDelivered: delivered, entriesRead: reply[1]?.integer, lag: reply[2]?.integer.map { Int($0) },
            pending: Int(pending), oldestPending: StreamID(reply[4]),
            oldestUndone: [StreamID(reply[4]), StreamID(reply[5])].compactMap(\.self).min())
    }
}
