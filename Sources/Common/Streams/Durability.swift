import Redis

/// How much of what was accepted a streams server keeps when it, or its machine, falls over.
public enum Durability {
    /// What is weaker than an append-only file synced before every answer, on a server that never evicts: one sentence
    /// each, empty if nothing is. A server that does not tell (a managed one may forbid CONFIG) is named as such.
    public static func weaknesses(_ redis: RedisClient) async throws(RedisError) -> [String] {
        let replies = try await redis.pipeline([
            ["CONFIG", "GET", "appendonly"], ["CONFIG", "GET", "appendfsync"], ["CONFIG", "GET", "maxmemory-policy"],
            ["CONFIG", "GET", "maxmemory"],
        ])
        if let passing = replies.lazy.compactMap(\.error).first(where: { $0.prefix == "LOADING" }) {
            throw RedisError(.server, "CONFIG", passing.message, prefix: passing.prefix)
        }
        let values = replies.map { $0[1]?.string }
        guard values.count == 4, let appendOnly = values[0], let sync = values[1] else {
            return ["The server does not tell how it stores: whether an accepted event survives its loss is unknown."]
        }
        var sentences: [String] = []
        if appendOnly != "yes" {
            sentences.append("appendonly is off: a restart of Redis loses accepted events.")
        } else if sync != "always" {
            let loss = sync == "everysec" ? "up to two seconds of" : "any number of"
            sentences.append("appendfsync is \(sync): a power failure loses \(loss) accepted events.")
        }
        if let policy = values[2], policy != "noeviction" {
            let isLimited = values[3] != "0"
            sentences.append(
                "maxmemory-policy is \(policy): \(isLimited ? "a full server" : "with a memory limit, the server") "
                    + "throws streams away.")
        }
        return sentences
    }
}
