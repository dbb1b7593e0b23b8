import Domain
import Synchronization

/// What a front knows about who may not, or may, come in: a copy in memory of what stands in Postgres, so that checking
/// a token or an API key costs nothing and goes on while Postgres is away.
///
/// It holds no more than the last 8 hours of revocations, since older tokens have expired by themselves.
public final class AccessList: Sendable {
    /// What one reading of the database brought.
    public struct News: Sendable {
        /// Revoked tokens and when each would have expired.
        public var revoked: [Identifier: Timestamp] = [:]
        /// People whose tokens from before a moment are void: after a ban, a new password or another role.
        public var validFrom: [Identifier: Timestamp] = [:]
        /// All keys in force.
        public var keys: [APIKeyHash: APIKeyHolder] = [:]

        public init(
            revoked: [Identifier: Timestamp] = [:], validFrom: [Identifier: Timestamp] = [:],
            keys: [APIKeyHash: APIKeyHolder] = [:]
        ) {
            self.revoked = revoked
            self.validFrom = validFrom
            self.keys = keys
        }
    }

    private let known = Mutex(News())

    public init() {}

    /// Why `bearer` may not come in, or nil.
    public func refusal(of bearer: Bearer) -> TokenRefusal? {
        known.withLock { known in
            if known.revoked[bearer.tokenID] != nil { return TokenRefusal(reason: "the token was signed out") }
            if let moment = known.validFrom[bearer.userID], bearer.issuedAt < moment {
                return TokenRefusal(reason: "the token was made before the account changed")
            }
            return nil
        }
    }

    /// Who holds the key, or nil if it is not known here.
    public func holder(of key: APIKeyHash) -> APIKeyHolder? {
        known.withLock { $0.keys[key] }
    }

    /// Takes effect on this front at once; the others read it from Postgres.
    public func revoke(_ tokenID: Identifier, until expiry: Timestamp) {
        known.withLock { $0.revoked[tokenID] = expiry }
    }

    public func voidTokens(of userID: Identifier, before moment: Timestamp) {
        known.withLock { known in
            known.validFrom[userID] = max(moment, known.validFrom[userID] ?? moment)
        }
    }

    /// Adds what a reading brought, replaces the keys, and forgets what has expired by itself.
    public func merge(_ news: News, at now: Timestamp = .now) {
        let oldest = now.advanced(bySeconds: -Tokens.lifetime)
        known.withLock { known in
            known.revoked.merge(news.revoked) { max($0, $1) }
            known.validFrom.merge(news.validFrom) { max($0, $1) }
            known.keys = news.keys
            if known.revoked.contains(where: { $0.value < now }) {
                known.revoked = known.revoked.filter { $0.value >= now }
            }
            if known.validFrom.contains(where: { $0.value < oldest }) {
                known.validFrom = known.validFrom.filter { $0.value >= oldest }
            }
        }
    }

    public var counts: (revoked: Int, people: Int, keys: Int) {
        known.withLock { ($0.revoked.count, $0.validFrom.count, $0.keys.count) }
    }
}
