import FoundationEssentials
import Redis

/// Values of the catalog in the cache: JSON as `GET` returns it, each with the revision that wrote it.
struct ReadModel: Sendable {
    /// Ten minutes, each copy up to a tenth less, so that they do not expire together.
    static let lifetimeSeconds = 600

    let cache: RedisClient

    /// KEYS: 1 the copy. ARGV: 1 its revision, 2 the JSON, 3 seconds to live.
    /// Result: 1 if it was stored, 0 if the copy there is newer, so that a slow reader cannot put an old value back.
    private static let fillScript = RedisScript(
        name: "fill the catalog cache",
        source: """
            local present = redis.call('GET', KEYS[1])
            if present then
                local ok, value = pcall(cjson.decode, present)
                if ok and type(value) == 'table' and tonumber(value.revision) and tonumber(value.revision) > tonumber(ARGV[1]) then
                    return 0
                end
            end
            redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
            return 1
            """)

    /// The copy, or nil when there is none, it cannot be read, or the cache is away.
    func value<Value: Decodable>(_ key: String, as type: Value.Type = Value.self) async -> Value? {
        guard let bytes = try? await cache.send(["GET", key]).bytes else { return nil }
        return try? JSONDecoder().decode(Value.self, from: Data(bytes))
    }

    /// Stores a copy unless a newer one is there. A cache that is away is filled another time.
    func store(_ value: some Encodable, revision: Int64, under key: String) async {
        try? await fill(value, revision: revision, under: key)
    }

    /// Stores a copy unless a newer one is there.
    ///
    /// - Throws: `RedisError`.
    func fill(_ value: some Encodable, revision: Int64, under key: String) async throws {
        let bytes = try JSONEncoder().encode(value)
        let lifetime = ReadModel.lifetimeSeconds - Int.random(in: 0...ReadModel.lifetimeSeconds / 10)
        _ = try await cache.run(ReadModel.fillScript, keys: [key], arguments: [revision, Array(bytes), lifetime])
    }
}
