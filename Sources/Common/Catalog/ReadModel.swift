import Domain
import FoundationEssentials
import Redis
import Streams

/// Copies of the catalog in the cache, and who may fill them.
///
/// A copy is filled only by the holder of its lease, and everybody reads Postgres after having taken the lease. Whoever
/// changed something takes the lease away from slow readers, and so does a flush: what they have read may be old.
struct ReadModel: Sendable {
    /// Ten minutes, each copy up to a tenth less, so that they do not expire together.
    static let lifetimeSeconds = 600
    /// A fill that takes longer is not made.
    static let leaseMilliseconds = 5_000

    let cache: RedisClient
    let keys: StreamKeys

    /// What a reader finds.
    enum Look {
        case copy([UInt8])
        /// There is none; with a nonce if the reader may fill it.
        case missing(nonce: String?)
    }

    /// What is to be stored under a key; nil if there is no such thing.
    struct Fill: Sendable {
        let key: String
        let content: (revision: Int64, json: [UInt8])?
    }

    /// KEYS: 1 the copy, 2 its lease. ARGV: 1 a nonce, 2 milliseconds to live.
    /// Result: the copy; or 1 if there is none and the lease is given, or 0 if somebody else has it.
    private static let lookScript = RedisScript(
        name: "look for a copy of the catalog",
        source: """
            local copy = redis.call('GET', KEYS[1])
            if copy then return copy end
            if redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[2]) then return 1 end
            return 0
            """)

    /// KEYS: pairs of a copy and its lease. ARGV: 1 a nonce, 2 milliseconds to live.
    /// Result: 1. The copies are gone, and nobody else has the leases.
    private static let beginScript = RedisScript(
        name: "begin to copy the catalog",
        source: """
            for i = 1, #KEYS, 2 do
                redis.call('DEL', KEYS[i])
                redis.call('SET', KEYS[i + 1], ARGV[1], 'PX', ARGV[2])
            end
            return 1
            """)

    /// KEYS: pairs of a copy and its lease. ARGV: 1 the nonce; then for each pair its revision, the JSON, or nothing if
    /// there is no such thing, and seconds to live.
    /// Result: how many were stored: only under a lease that still has the nonce, and not over a higher revision.
    private static let fillScript = RedisScript(
        name: "fill the catalog cache",
        source: """
            local stored = 0
            for i = 1, #KEYS, 2 do
                local n = 2 + (i - 1) / 2 * 3
                if redis.call('GET', KEYS[i + 1]) == ARGV[1] then
                    redis.call('DEL', KEYS[i + 1])
                    local present = redis.call('GET', KEYS[i])
                    local ok, value = pcall(cjson.decode, present or '')
                    local newer = present and ok and type(value) == 'table' and tonumber(value.revision)
                        and tonumber(value.revision) > tonumber(ARGV[n])
                    if ARGV[n + 1] ~= '' and not newer then
                        redis.call('SET', KEYS[i], ARGV[n + 1], 'EX', ARGV[n + 2])
                        stored = stored + 1
                    end
                end
            end
            return stored
            """)

    /// - Throws: `RedisError`.
    func look(_ key: String) async throws -> Look {
        let nonce = ReadModel.nonce()
        let reply = try await cache.run(
            ReadModel.lookScript, keys: [key, keys.catalogLease(of: key)],
            arguments: [nonce, ReadModel.leaseMilliseconds])
        if reply.kind == .integer { return .missing(nonce: reply.integer == 1 ? nonce : nil) }
        guard let bytes = reply.bytes else {
            throw RedisError(.protocolViolation, "look for a copy", "no copy, no number")
        }
        return .copy(bytes)
    }

    /// Takes the copies away, and the right to fill them from everybody else.
    ///
    /// - Returns: the nonce for `fill`.
    /// - Throws: `RedisError`.
    func begin(_ copies: [String]) async throws -> String {
        let nonce = ReadModel.nonce()
        _ = try await cache.run(
            ReadModel.beginScript, keys: copies.flatMap { [$0, keys.catalogLease(of: $0)] },
            arguments: [nonce, ReadModel.leaseMilliseconds])
        return nonce
    }

    /// Stores what was read after the leases were taken, where they still hold.
    ///
    /// - Returns: how many copies were stored.
    /// - Throws: `RedisError`.
    @discardableResult
    func fill(_ fills: [Fill], nonce: String) async throws -> Int {
        guard !fills.isEmpty else { return 0 }
        var arguments: [any RedisArgument] = [nonce]
        for fill in fills {
            let lifetime = ReadModel.lifetimeSeconds - Int.random(in: 0...ReadModel.lifetimeSeconds / 10)
            arguments.append(fill.content?.revision ?? 0)
            arguments.append(fill.content?.json ?? [])
            arguments.append(lifetime)
        }
        let reply = try await cache.run(
            ReadModel.fillScript, keys: fills.flatMap { [$0.key, keys.catalogLease(of: $0.key)] },
            arguments: arguments)
        return Int(reply.integer ?? 0)
    }

    static func nonce() -> String {
        Identifier.random().description
    }
}

extension ReadModel.Fill {
    init(key: String, document: CatalogDocument?, revision: Int64) {
        self.init(key: key, content: document.map { (revision: revision, json: $0.bytes) })
    }
}
