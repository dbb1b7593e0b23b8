import Crypto
import Domain
import Redis
import Streams
import Synchronization

/// Counts in the cache Redis, for all fronts together.
///
/// What Redis says is kept in memory as well. While Redis is away or slow the memory counts on from there, at least for
/// this front; one call tries Redis again each second. A counter that Redis has lost (it has no disk, and evicts) is put
/// back from the memory of the fronts that ask next, for as long as its window would have lasted. What was forgotten for a
/// right password stays in Redis as 0 under another name of the window, so that no front puts it back.
public final class SharedAttempts: AttemptCounter {
    /// How long Redis is left alone after a failure.
    private static let patience = Duration.seconds(1)

    private let redis: RedisClient
    private let keys: StreamKeys
    private let secret: SymmetricKey
    private let memory: AttemptMemory
    private let hear: @Sendable (RedisError?) -> Void
    private let closedUntil = Mutex<ContinuousClock.Instant?>(nil)

    /// - Parameters:
    ///   - redis: with a short command timeout: a sign-in waits for it twice.
    ///   - secret: the same for all fronts; without it nobody can tell from the keys whose attempts are counted.
    ///   - hear: told of every outcome, nil for a success.
    public init(
        _ redis: RedisClient, keys: StreamKeys, secret: String, memory: AttemptMemory = AttemptMemory(),
        hear: @escaping @Sendable (RedisError?) -> Void = { _ in }
    ) {
        self.redis = redis
        self.keys = keys
        self.secret = SymmetricKey(data: SHA256.hash(data: Array("questline attempts".utf8) + Array(secret.utf8)))
        self.memory = memory
        self.hear = hear
    }

    public func look(_ rules: [AttemptRule]) async -> [AttemptCount] {
        await ask("look", rules)?.counts ?? memory.counts(rules)
    }

    public func take(_ rules: [AttemptRule]) async -> (counts: [AttemptCount], isCounted: Bool) {
        if let answer = await ask("take", rules) { return answer }
        return await memory.take(rules)
    }

    public func forget(_ rules: [AttemptRule]) async {
        await memory.forget(rules)
        _ = await ask("forget", rules)
    }

    /// - Returns: nil if Redis cannot tell.
    private func ask(_ verb: String, _ rules: [AttemptRule]) async -> (counts: [AttemptCount], isCounted: Bool)? {
        guard isOpen() else { return nil }
        var arguments: [any RedisArgument] = [verb]
        for (rule, known) in zip(rules, memory.counts(rules)) {
            arguments += [
                rule.limit.attempts, rule.limit.seconds * 1_000, known.attempts,
                SharedAttempts.milliseconds(known.left),
                known.window,
            ]
        }
        do throws(RedisError) {
            let reply = try await redis.run(SharedAttempts.script, keys: rules.map(key), arguments: arguments)
            guard let isCounted = reply[0]?.integer, reply.count == 1 + 3 * rules.count else {
                throw RedisError(.protocolViolation, "attempts", "an answer that the script does not give")
            }
            let counts = rules.indices.map { index in
                AttemptCount(
                    attempts: Int(reply[1 + 3 * index]?.integer ?? 0),
                    left: .milliseconds(reply[2 + 3 * index]?.integer ?? 0), window: reply[3 + 3 * index]?.integer ?? 0)
            }
            memory.note(rules, counts)
            closedUntil.withLock { $0 = nil }
            hear(nil)
            return (counts, isCounted == 1)
        } catch {
            if error.code != .cancelled {
                closedUntil.withLock { $0 = .now + SharedAttempts.patience }
                hear(error)
            }
            return nil
        }
    }

    /// One who is told so while Redis is left alone tries for all.
    private func isOpen() -> Bool {
        closedUntil.withLock { until in
            guard let moment = until else { return true }
            guard moment <= .now else { return false }
            until = .now + SharedAttempts.patience
            return true
        }
    }

    private func key(_ rule: AttemptRule) -> String {
        let subject = Array((rule.key.subject?.description ?? "").utf8)
        let digest = HMAC<SHA256>.authenticationCode(for: subject, using: secret)
        return keys.attempts(
            rule.key.kind.rawValue,
            digest: digest.prefix(16).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined())
    }

    private static func milliseconds(_ duration: Duration) -> Int64 {
        max(1, Int64((duration / .milliseconds(1)).rounded(.up)))
    }

    /// KEYS: counters, each `attempts window`. ARGV: `look`, `take` or `forget`, then for each counter its limit, its length
    /// in milliseconds, and what the caller remembers: attempts, milliseconds left and the window's name.
    /// Result: 1 if an attempt was counted, else 0; then for each counter attempts, milliseconds left and the window's name.
    ///
    /// A counter without a time to live, or with one longer than its window, is given its window: none stands for ever.
    private static let script = RedisScript(
        name: "attempts",
        source: """
            local time = redis.call('TIME')
            local fresh = time[1] * 1000000 + time[2]
            local counts, full = {0}, false
            local function write(i)
                redis.call('SET', KEYS[i], string.format('%.0f %.0f', counts[3 * i - 1], counts[3 * i + 1]),
                    'PX', counts[3 * i])
            end
            for i, key in ipairs(KEYS) do
                local limit, length, known, rest, name = unpack(ARGV, 5 * i - 3, 5 * i + 1)
                limit, length, known, rest, name =
                    tonumber(limit), tonumber(length), tonumber(known), tonumber(rest), tonumber(name)
                local count, window = string.match(redis.call('GET', key) or '', '^(%d+) (%d+)$')
                local left, isChanged = redis.call('PTTL', key), false
                if count then
                    count, window = tonumber(count), tonumber(window)
                    -- Of one window nobody knows too much, only too little: it may have been lost in between.
                    if known > count and (name == window or name == 0) then count, isChanged = known, true end
                    if left == -1 or left > length then left, isChanged = length, true end
                    if ARGV[1] == 'forget' then count, window, isChanged = 0, fresh, true end
                elseif known > 0 then
                    count, window, left, isChanged = known, name > 0 and name or fresh, math.min(rest, length), true
                else
                    count, window, left = 0, fresh, length
                end
                counts[3 * i - 1], counts[3 * i], counts[3 * i + 1] = count, math.max(left, 1), window
                if isChanged then write(i) end
                if count >= limit then full = true end
            end
            if ARGV[1] == 'take' and not full then
                counts[1] = 1
                for i in ipairs(KEYS) do
                    counts[3 * i - 1] = counts[3 * i - 1] + 1
                    write(i)
                end
            end
            return counts
            """)
}
