import Domain
import Storage
import Synchronization

/// What a front knows about who may not, or may, come in: a copy in memory of what stands in Postgres, so that checking
/// a token or an API key costs nothing and goes on while Postgres is away.
///
/// It holds no more than the last 8 hours of revocations (and what clocks may differ by), since older tokens have expired
/// by themselves.
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

    private struct State {
        var known = News()
        /// What this front itself has done about keys, until a reading that began later has it, too.
        var ownChanges: [(at: ContinuousClock.Instant, apply: @Sendable (inout News) -> Void)] = []
    }

    private let state = Mutex(State())

    public init() {}

    /// Why `bearer` may not come in, or nil.
    ///
    /// A token says under which `tokens_valid_from` of its account it was given out, and that value has risen since if it
    /// is void: no clock of any machine is compared with another's. Tokens of version 4 do not say it; of them the time
    /// of the sign-in counts.
    public func refusal(of bearer: Bearer) -> TokenRefusal? {
        state.withLock { state in
            if state.known.revoked[bearer.tokenID] != nil { return TokenRefusal(reason: "the token was signed out") }
            if let moment = state.known.validFrom[bearer.userID], bearer.isVoid(from: moment) {
                return TokenRefusal(reason: "the token was made before the account changed")
            }
            return nil
        }
    }

    /// Who holds the key, or nil if it is not known here.
    public func holder(of key: APIKeyHash) -> APIKeyHolder? {
        state.withLock { $0.known.keys[key] }
    }

    /// Takes effect on this front at once; the others read it from Postgres.
    public func revoke(_ tokenID: Identifier, until expiry: Timestamp) {
        state.withLock { $0.known.revoked[tokenID] = expiry }
    }

    /// Takes effect on this front at once.
    ///
    /// - Parameter moment: the account's `tokens_valid_from` as it is now.
    public func voidTokens(of userID: Identifier, before moment: Timestamp) {
        state.withLock { state in
            state.known.validFrom[userID] = max(moment, state.known.validFrom[userID] ?? moment)
        }
    }

    /// Refuses a key on this front at once, whatever a reading that is under way still brings.
    public func revokeKey(_ keyID: Identifier) {
        change { news in news.keys = news.keys.filter { $0.value.keyID != keyID } }
    }

    /// Knows a new key on this front at once.
    public func add(_ holder: APIKeyHolder, key: APIKeyHash) {
        change { $0.keys[key] = holder }
    }

    private func change(_ apply: @escaping @Sendable (inout News) -> Void) {
        state.withLock { state in
            apply(&state.known)
            state.ownChanges.append((at: .now, apply: apply))
        }
    }

    /// Adds what a reading brought, replaces the keys, and forgets what has expired by itself.
    ///
    /// - Parameter start: when the reading began.
    public func merge(_ news: News, from start: ContinuousClock.Instant = .now, at now: Timestamp = .now) {
        let margin = RevokedTokens.clockDifference
        let oldest = now.advanced(bySeconds: -Tokens.lifetime - margin)
        let expired = now.advanced(bySeconds: -margin)
        state.withLock { state in
            state.known.revoked.merge(news.revoked) { max($0, $1) }
            state.known.validFrom.merge(news.validFrom) { max($0, $1) }
            state.known.keys = news.keys
            state.ownChanges.removeAll { $0.at < start }
            for change in state.ownChanges { change.apply(&state.known) }
            if state.known.revoked.contains(where: { $0.value < expired }) {
                state.known.revoked = state.known.revoked.filter { $0.value >= expired }
            }
            if state.known.validFrom.contains(where: { $0.value < oldest }) {
                state.known.validFrom = state.known.validFrom.filter { $0.value >= oldest }
            }
        }
    }

    public var counts: (revoked: Int, people: Int, keys: Int) {
        state.withLock { ($0.known.revoked.count, $0.known.validFrom.count, $0.known.keys.count) }
    }
}
