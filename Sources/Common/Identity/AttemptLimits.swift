import Crypto
import Domain
import Synchronization

/// What is counted: attempts of one kind by one address, or against one name.
public struct AttemptKey: Hashable, Sendable {
    public enum Kind: String, Sendable {
        case failedSignInByAddress
        case failedSignInByName
        case signUpByAddress
    }

    public let kind: Kind
    /// A digest of the address or name: a long name takes no more room than a short one, and nobody can read it here.
    public let subject: Identifier?

    public init(_ kind: Kind, _ subject: String) {
        self.kind = kind
        self.subject = Identifier(bytes: Array(SHA256.hash(data: Array(subject.utf8))))
    }
}

/// So many attempts in so many seconds.
public struct AttemptLimit: Hashable, Sendable {
    public let attempts: Int
    public let seconds: Int64

    public init(attempts: Int, seconds: Int64) {
        self.attempts = attempts
        self.seconds = seconds
    }
}

/// Counts attempts. One in memory serves one front; one in the cache Redis can stand in its place for all of them.
///
/// A counter that cannot be reached counts nothing and lets everything through: limits slow attackers down, they must not
/// keep people out.
public protocol AttemptCounter: Sendable {
    /// Seconds to wait if the limit is used up, nil if an attempt is allowed. Counts nothing.
    func wait(for key: AttemptKey, under limit: AttemptLimit) async -> Int64?
    /// Counts one attempt.
    func count(_ key: AttemptKey, under limit: AttemptLimit) async
    /// Forgets the attempts under a key.
    func forget(_ key: AttemptKey) async
}

/// Counts in the memory of this process, in fixed windows, for at most `capacity` keys.
public final class AttemptMemory: AttemptCounter {
    private struct Window {
        var attempts: Int
        let ends: ContinuousClock.Instant
    }

    private let capacity: Int
    private let now: @Sendable () -> ContinuousClock.Instant
    private let windows = Mutex<[AttemptKey: Window]>([:])

    public init(
        capacity: Int = 50_000, now: @escaping @Sendable () -> ContinuousClock.Instant = { ContinuousClock.now }
    ) {
        self.capacity = capacity
        self.now = now
    }

    public func wait(for key: AttemptKey, under limit: AttemptLimit) async -> Int64? {
        let now = now()
        return windows.withLock { windows in
            guard let window = windows[key], window.ends > now, window.attempts >= limit.attempts else { return nil }
            return max(1, Int64((now.duration(to: window.ends) / .seconds(1)).rounded(.up)))
        }
    }

    public func count(_ key: AttemptKey, under limit: AttemptLimit) async {
        let now = now()
        windows.withLock { windows in
            if let window = windows[key], window.ends > now {
                windows[key]?.attempts += 1
                return
            }
            if windows.count >= capacity { AttemptMemory.makeRoom(in: &windows, at: now) }
            windows[key] = Window(attempts: 1, ends: now + .seconds(limit.seconds))
        }
    }

    public func forget(_ key: AttemptKey) async {
        windows.withLock { $0[key] = nil }
    }

    /// Drops what has ended; if that is not enough, the keys with the fewest attempts, which an attacker who floods with new
    /// names fills the memory with.
    private static func makeRoom(in windows: inout [AttemptKey: Window], at now: ContinuousClock.Instant) {
        let before = windows.count
        windows = windows.filter { $0.value.ends > now }
        guard windows.count > before * 3 / 4 else { return }
        let fewest = windows.sorted { $0.value.attempts < $1.value.attempts }.prefix(windows.count / 4)
        for (key, _) in fewest { windows[key] = nil }
    }
}
