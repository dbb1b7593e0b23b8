import Crypto
import Domain

/// What is counted: attempts of one kind by one address, against one name, or both.
public struct AttemptKey: Hashable, Sendable {
    public enum Kind: String, Sendable, CaseIterable {
        case failedSignInByAddress = "sign-in-address"
        case failedSignInByName = "sign-in-name"
        /// By one address against one name.
        case failedSignInByBoth = "sign-in-pair"
        case signUpByAddress = "sign-up-address"
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

/// A key and the limit it is under.
public struct AttemptRule: Hashable, Sendable {
    public let key: AttemptKey
    public let limit: AttemptLimit

    public init(_ key: AttemptKey, _ limit: AttemptLimit) {
        self.key = key
        self.limit = limit
    }
}

/// How far a limit is used up.
public struct AttemptCount: Hashable, Sendable {
    /// Attempts in the present window, 0 if none has begun.
    public var attempts: Int
    /// Until the window ends, or how long a new one would be.
    public var left: Duration
    /// Names the window where several counters share it; 0 for one that only this process knows.
    var window: Int64

    public init(attempts: Int, left: Duration, window: Int64 = 0) {
        self.attempts = attempts
        self.left = left
        self.window = window
    }
}

/// Counts attempts in fixed windows: one begins with the first attempt and ends after the limit's seconds, whatever is
/// counted meanwhile.
///
/// Never throws, and waits only briefly: a counter that cannot be reached must neither keep people out nor let guessing go
/// on uncounted.
public protocol AttemptCounter: Sendable {
    /// How far each limit is used up, in the order of the rules. Counts nothing.
    func look(_ rules: [AttemptRule]) async -> [AttemptCount]
    /// Counts one attempt under every rule unless one of them is used up already; then none is counted. Of many at the
    /// same time no more than a limit allows are counted.
    ///
    /// - Returns: the counts as they are now, and whether the attempt was counted.
    func take(_ rules: [AttemptRule]) async -> (counts: [AttemptCount], isCounted: Bool)
    /// Forgets the attempts in the present windows.
    func forget(_ rules: [AttemptRule]) async
}
