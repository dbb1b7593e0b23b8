import Domain
import Postgres
import Storage
import Synchronization

/// Keeps an `AccessList` no older than a few seconds.
///
/// Postgres is what counts; a hint from Redis only makes the next reading come sooner, so flushing Redis brings nobody
/// back in. Each reading overlaps the one before by a minute, for transactions that commit late, and everything is read
/// anew every five minutes.
public final class AccessWatch: Sendable {
    public static let interval = Duration.seconds(2)
    /// Seconds. Longer than any transaction may take, and than clocks may differ.
    private static let overlap: Int64 = 60
    private static let fullReading = Duration.seconds(300)
    /// A key made a moment ago is looked for at most so often.
    private static let lookAgain = Duration.seconds(1)

    private struct State {
        var lastReading: ContinuousClock.Instant?
        var lastFullReading: ContinuousClock.Instant?
        var lastTry: ContinuousClock.Instant?
        /// Set while the last reading was not a success.
        var lastFailure: ContinuousClock.Instant?
        var isReading = false
        var mustReadAgain = false
    }

    public let list: AccessList
    private let tokens: RevokedTokens
    private let keys: APIKeyRows
    private let state = Mutex(State())

    public init(_ postgres: PostgresClient, list: AccessList = AccessList()) {
        self.list = list
        tokens = RevokedTokens(postgres)
        keys = APIKeyRows(postgres)
    }

    /// Whether the list was read at least once.
    public var isLoaded: Bool { state.withLock { $0.lastReading != nil } }

    /// Reads what is new. A caller who comes during a reading returns at once, and one more reading follows for him.
    ///
    /// - Throws: `PostgresError`; the list stays as it was.
    public func refresh() async throws {
        let mustRead = state.withLock { state in
            guard !state.isReading else {
                state.mustReadAgain = true
                return false
            }
            state.isReading = true
            state.lastTry = .now
            return true
        }
        guard mustRead else { return }
        repeat {
            do {
                try await read()
            } catch {
                state.withLock { state in
                    state.isReading = false
                    state.mustReadAgain = false
                    state.lastFailure = .now
                }
                throw error
            }
        } while state.withLock { state in
            defer { state.mustReadAgain = false }
            state.isReading = state.mustReadAgain
            return state.mustReadAgain
        }
    }

    /// Who holds `key`. A key that is not known is looked for in Postgres, at most once a second for all of them.
    ///
    /// - Throws: `PostgresError` when the key is not known and Postgres cannot be asked.
    public func holder(of key: String) async throws -> APIKeyHolder? {
        guard APIKeys.lengths.contains(key.utf8.count) else { return nil }
        let hash = APIKeyHash(of: key)
        if let holder = list.holder(of: hash) { return holder }
        let isDue = state.withLock { state in
            state.lastTry.map { $0 + AccessWatch.lookAgain < .now } ?? true
        }
        if isDue {
            try await refresh()
            return list.holder(of: hash)
        }
        // Whoever asked just now has looked; if that failed, nobody knows whether this key is good.
        guard state.withLock({ $0.lastFailure == nil }) else {
            throw PostgresError(.connection, operation: "look for an API key", message: "the keys cannot be read")
        }
        return nil
    }

    private func read() async throws {
        let start = ContinuousClock.now
        let (isFull, since) = state.withLock { state in
            let isFull = state.lastFullReading.map { $0 + AccessWatch.fullReading < start } ?? true
            let gap = state.lastReading.map { Int64($0.duration(to: start) / .seconds(1)) } ?? 0
            let all = Tokens.lifetime + RevokedTokens.clockDifference
            return (isFull, isFull ? all : min(all, gap + AccessWatch.overlap))
        }
        async let revoked = tokens.revoked(inLastSeconds: since)
        async let validFrom = tokens.validFrom(inLastSeconds: since)
        async let keys = keys.valid()
        let news = AccessList.News(
            revoked: Dictionary(try await revoked.map { ($0.jti, $0.expiresAt) }) { $1 },
            validFrom: Dictionary(try await validFrom.map { ($0.userID, $0.moment) }) { $1 },
            keys: Dictionary(
                try await keys.map { (APIKeyHash(bytes: $0.hash), APIKeyHolder(keyID: $0.id, name: $0.name)) },
                uniquingKeysWith: { $1 }))
        list.merge(news, from: start)
        state.withLock { state in
            state.lastReading = start
            state.lastFailure = nil
            if isFull { state.lastFullReading = start }
        }
    }
}
