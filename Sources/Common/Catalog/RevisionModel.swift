import Domain
import FoundationEssentials
import Redis
import Streams

/// The edition that the copies have reached, in the cache: every copy is at least as new, and everything that was changed
/// up to it is carried.
struct RevisionModel: Sendable {
    let cache: RedisClient
    let keys: StreamKeys

    /// KEYS: 1 the edition, 2 its lease. ARGV: 1 a nonce, 2 milliseconds to live, 3 whether to take the lease from others.
    /// Result: whether the lease is given (1 or 0), and the edition or an empty string.
    private static let beginScript = RedisScript(
        name: "begin to raise the catalog revision",
        source: """
            local given = 1
            if ARGV[3] == '1' then
                redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
            elseif not redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[2]) then
                given = 0
            end
            return {given, redis.call('GET', KEYS[1]) or ''}
            """)

    /// KEYS: 1 the edition, 2 its lease. ARGV: 1 the nonce, 2 the edition, 3 its revision, 4 seconds to live, 5 whether a
    /// higher revision is known to be of another history.
    /// Result: 1 if it is stored, 0 if the lease is lost or a higher revision is there.
    private static let fillScript = RedisScript(
        name: "raise the catalog revision",
        source: """
            if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
            redis.call('DEL', KEYS[2])
            local present = redis.call('GET', KEYS[1])
            local revision = present and tonumber(string.match(present, '^%d+'))
            if ARGV[5] ~= '1' and revision and revision > tonumber(ARGV[3]) then return 0 end
            redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[4])
            return 1
            """)

    /// - Returns: nil when there is none, or it cannot be read.
    /// - Throws: `RedisError`.
    func current() async throws -> CatalogEdition? {
        try await cache.send(["GET", keys.catalogRevision]).string.flatMap { CatalogEdition($0) }
    }

    /// Takes the right to fill.
    ///
    /// - Parameter stealing: also from somebody who has it.
    /// - Returns: the edition that is there, and the nonce for `fill`, nil if somebody else has the right.
    /// - Throws: `RedisError`.
    func begin(stealing: Bool) async throws -> (known: CatalogEdition?, nonce: String?) {
        let nonce = ReadModel.nonce()
        let reply = try await cache.run(
            RevisionModel.beginScript, keys: names,
            arguments: [nonce, ReadModel.leaseMilliseconds, stealing ? 1 : 0])
        return (
            known: reply[1]?.string.flatMap { CatalogEdition($0) }, nonce: reply[0]?.integer == 1 ? nonce : nil
        )
    }

    /// - Parameter isOtherHistory: whether what was there at `begin` is no earlier state of this catalog.
    /// - Returns: whether it was stored.
    /// - Throws: `RedisError`.
    func fill(_ edition: CatalogEdition, nonce: String, isOtherHistory: Bool) async throws -> Bool {
        let reply = try await cache.run(
            RevisionModel.fillScript, keys: names,
            arguments: [
                nonce, edition.description, edition.revision, ReadModel.lifetimeSeconds * 2, isOtherHistory ? 1 : 0,
            ])
        return reply.integer == 1
    }

    private var names: [String] { [keys.catalogRevision, keys.catalogLease(of: keys.catalogRevision)] }
}
