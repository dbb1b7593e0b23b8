import Domain
import Redis

/// Entries that cannot be applied. They stay until an operator retries or drops them.
public struct DeadLetters: Sendable {
    private let redis: RedisClient
    private let keys: StreamKeys

    public init(_ redis: RedisClient, keys: StreamKeys) {
        self.redis = redis
        self.keys = keys
    }

    /// Moves an entry here and acknowledges it, in one step. An entry that is not pending in the group any more was
    /// dealt with by somebody else and is left alone; one that comes again after a rewind and has had its letter is only
    /// acknowledged.
    ///
    /// - Returns: the letter's id, or nil if there was nothing to bury.
    @discardableResult
    public func bury(
        _ entry: StreamEntry, from group: ConsumerGroup, error: String, deliveries: Int, at time: Timestamp
    ) async throws(RedisError) -> StreamID? {
        var fields = entry.rawFields.flatMap { [$0.name, $0.value] }
        let added = [group.stream, entry.id.description, error, String(deliveries), time.description]
        for (name, value) in zip(DeadLetter.addedNames, added) {
            fields += [Array(name.description.utf8), Array(value.utf8)]
        }
        if fields.count > DeadLetters.scriptLimit { return try await buryLarge(fields, entry.id, from: group) }
        let reply = try await redis.run(
            DeadLetters.buryScript, keys: [group.stream, keys.deadLetters, StreamKeys.buried(of: group.stream)],
            arguments: [group.group, entry.id] + fields.map { $0 as any RedisArgument })
        return StreamID(reply)
    }

    /// An entry to bury.
    public struct Burial: Sendable {
        public let entry: StreamEntry
        /// Why, as the letter will say.
        public let error: String
        public let deliveries: Int

        public init(_ entry: StreamEntry, error: String, deliveries: Int) {
            self.entry = entry
            self.error = error
            self.deliveries = deliveries
        }
    }

    /// Buries entries, each in a step of its own, many at the same time.
    ///
    /// - Returns: how many there were to bury.
    public func bury(
        _ burials: [Burial], from group: ConsumerGroup, at time: Timestamp
    ) async throws(RedisError) -> Int {
        var buried = 0
        for start in stride(from: 0, to: burials.count, by: 100) {
            let outcomes = await withTaskGroup(of: Result<Bool, RedisError>.self) { tasks in
                for burial in burials[start..<min(start + 100, burials.count)] {
                    tasks.addTask {
                        do throws(RedisError) {
                            let letter = try await bury(
                                burial.entry, from: group, error: burial.error, deliveries: burial.deliveries, at: time)
                            return .success(letter != nil)
                        } catch {
                            return .failure(error)
                        }
                    }
                }
                return await tasks.reduce(into: []) { $0.append($1) }
            }
            for outcome in outcomes where try outcome.get() { buried += 1 }
        }
        return buried
    }

    /// KEYS: source stream, dead letters, set of the buried. ARGV: group, entry id, then names and values.
    /// Result: the new id, or nil if the entry is not pending or has had its letter.
    private static let buryScript = RedisScript(
        name: "bury",
        source: """
            local pending = redis.pcall('XPENDING', KEYS[1], ARGV[1], ARGV[2], ARGV[2], 1)
            if pending.err then
                if string.sub(pending.err, 1, 7) == 'NOGROUP' then return false end
                return pending
            end
            if #pending == 0 then return false end
            local name, time = ARGV[1] .. ' ' .. ARGV[2], string.match(ARGV[2], '^%d+')
            local id = false
            -- After a rewind an entry comes again whose letter is here, or was retried or dropped.
            if redis.call('ZADD', KEYS[3], time, name) == 1 then
                id = redis.call('XADD', KEYS[2], '*', unpack(ARGV, 3))
            end
            redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])
            return id
            """)

    /// Lua cannot pass on more than about 8,000 values at once.
    private static let scriptLimit = 7_000

    /// As `bury`, without looking whether it is pending: a letter too many is better than one too few.
    private func buryLarge(
        _ fields: [[UInt8]], _ id: StreamID, from group: ConsumerGroup
    ) async throws(RedisError) -> StreamID? {
        var add = RedisCommand("XADD", [keys.deadLetters, "*"])
        for field in fields { add.append(bytes: field) }
        let replies = try await redis.transaction([add, ["XACK", group.stream, group.group, id]])
        if let refusal = replies.first?.error {
            throw RedisError(.server, "bury", refusal.message, prefix: refusal.prefix)
        }
        return StreamID(replies.first)
    }

    /// Up to `limit` letters, oldest first.
    ///
    /// - Parameters:
    ///   - cursor: only letters that came after this one.
    ///   - last: only letters up to this one, itself included.
    ///   - error: only letters whose error contains this text; all letters in between are read.
    public func list(
        after cursor: StreamID? = nil, through last: StreamID? = nil, error: String? = nil, limit: Int
    ) async throws(RedisError) -> [DeadLetter] {
        var found: [DeadLetter] = []
        var cursor = cursor
        while found.count < limit {
            let size = error == nil ? min(limit - found.count, DeadLetters.pageSize) : DeadLetters.pageSize
            let page = try await page(after: cursor, through: last, size)
            found += page.filter { letter in error.map { letter.error.contains($0) } ?? true }
            guard page.count == size, let end = page.last else { break }
            cursor = end.id
        }
        return Array(found.prefix(limit))
    }

    /// How many letters one command reads.
    public static let pageSize = 500

    private func page(
        after cursor: StreamID?, through last: StreamID?, _ size: Int
    ) async throws(RedisError) -> [DeadLetter] {
        let (start, end) = (cursor.map { "(\($0)" } ?? "-", last?.description ?? "+")
        let reply = try await redis.send(["XRANGE", keys.deadLetters, start, end, "COUNT", size])
        guard let batch = StreamBatch(reply) else {
            throw RedisError(.protocolViolation, "XRANGE", "not a list of entries")
        }
        return batch.map { DeadLetter($0) }
    }

    /// The id of the letter that came last, nil when there is none.
    public func newest() async throws(RedisError) -> StreamID? {
        try await redis.send(["XREVRANGE", keys.deadLetters, "+", "-", "COUNT", 1])[0].flatMap { StreamID($0[0]) }
    }

    public func get(_ id: StreamID) async throws(RedisError) -> DeadLetter? {
        let reply = try await redis.send(["XRANGE", keys.deadLetters, id, id])
        return reply[0].flatMap { StreamEntry($0) }.map { DeadLetter($0) }
    }

    public func count() async throws(RedisError) -> Int {
        Int(try await redis.send(["XLEN", keys.deadLetters]).integer ?? 0)
    }

    /// Forgets a letter for good.
    ///
    /// - Returns: whether it was there.
    public func drop(_ id: StreamID) async throws(RedisError) -> Bool {
        try await redis.send(["XDEL", keys.deadLetters, id]).integer == 1
    }

    /// Adds the original entry to its stream again, as a new entry, and removes the letter, in one step: of several who
    /// try at once, one does it. Every group of that stream gets the entry.
    ///
    /// - Parameter corrections: fields to replace or, if the entry has none of that name, to add.
    /// - Returns: the new entry's id.
    @discardableResult
    public func retry(
        _ letter: DeadLetter, set corrections: [(name: String, value: String)] = []
    ) async throws(DeadLetterError) -> StreamID {
        guard letter.source == keys.signIns || letter.source == keys.completions else {
            throw .unknownSource(letter.source)
        }
        let fields = DeadLetters.corrected(letter.rawFields, by: corrections)
        let added: StreamID?
        do { added = try await move(letter, fields) } catch { throw .redis(error) }
        guard let added else { throw .notFound }
        return added
    }

    private func move(_ letter: DeadLetter, _ fields: [[UInt8]]) async throws(RedisError) -> StreamID? {
        if fields.count > DeadLetters.scriptLimit {
            var add = RedisCommand("XADD", [letter.source, "*"])
            for field in fields { add.append(bytes: field) }
            let replies = try await redis.transaction([add, ["XDEL", keys.deadLetters, letter.id]])
            if let refusal = replies.first?.error {
                throw RedisError(.server, "retry", refusal.message, prefix: refusal.prefix)
            }
            return StreamID(replies.first)
        }
        let reply = try await redis.run(
            DeadLetters.retryScript, keys: [letter.source, keys.deadLetters],
            arguments: [letter.id] + fields.map { $0 as any RedisArgument })
        return StreamID(reply)
    }

    /// KEYS: source stream, dead letters. ARGV: letter id, then names and values.
    /// Result: the new entry's id, or nil if the letter is gone (somebody else retried or dropped it).
    private static let retryScript = RedisScript(
        name: "retry",
        source: """
            if #redis.call('XRANGE', KEYS[2], ARGV[1], ARGV[1]) == 0 then return false end
            local id = redis.call('XADD', KEYS[1], '*', unpack(ARGV, 2))
            redis.call('XDEL', KEYS[2], ARGV[1])
            return id
            """)

    private static func corrected(
        _ fields: [(name: [UInt8], value: [UInt8])], by corrections: [(name: String, value: String)]
    ) -> [[UInt8]] {
        let names = Set(corrections.map { Array($0.name.utf8) })
        // Every field of a corrected name goes, so that a repeated one can be made right.
        let kept = fields.filter { !names.contains($0.name) }.flatMap { [$0.name, $0.value] }
        return kept + corrections.flatMap { [Array($0.name.utf8), Array($0.value.utf8)] }
    }
}
