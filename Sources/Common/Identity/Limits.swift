/// The limits on guessing passwords and on making accounts.
public struct Limits: Sendable {
    public var failedSignInsByAddress = AttemptLimit(attempts: 50, seconds: 300)
    /// From all addresses together: more than one address alone may fail, or it could keep somebody out everywhere.
    public var failedSignInsByName = AttemptLimit(attempts: 50, seconds: 300)
    public var failedSignInsByBoth = AttemptLimit(attempts: 10, seconds: 300)
    public var signUpsByAddress = AttemptLimit(attempts: 60, seconds: 3_600)

    private let counter: any AttemptCounter

    public init(_ counter: any AttemptCounter) {
        self.counter = counter
    }

    /// How a limit stands.
    public struct Quota: Sendable, Equatable {
        /// The kind of attempt; clients see it.
        public let name: String
        public let limit: AttemptLimit
        public let remaining: Int
        /// Seconds until the window ends, at least 1.
        public let reset: Int64
    }

    /// How the limits on one attempt stand.
    public struct Standing: Sendable, Equatable {
        public let quotas: [Quota]
        /// Whether the attempt must not be made, or was one too many.
        public let isRefused: Bool

        /// Seconds to wait, nil if the attempt is allowed.
        public var wait: Int64? {
            isRefused ? quotas.filter { $0.remaining == 0 }.map(\.reset).max() ?? 1 : nil
        }
    }

    /// Asked before a password is checked, and again when it was right: guessing is slowed down whether the guess is right
    /// or not.
    public func beforeSignIn(address: String, name: String) async -> Standing {
        let rules = rules(address: address, name: name)
        let counts = await counter.look(rules)
        let isRefused = zip(rules, counts).contains { $1.attempts >= $0.limit.attempts }
        return Limits.standing(rules, counts, isRefused: isRefused)
    }

    /// Counts a sign-in that failed. One that was allowed before, and comes now when others have used the limit up, is
    /// refused: of guesses sent together only as many are answered as of guesses sent one by one.
    public func signInFailed(address: String, name: String) async -> Standing {
        let rules = rules(address: address, name: name)
        let (counts, isCounted) = await counter.take(rules)
        return Limits.standing(rules, counts, isRefused: !isCounted)
    }

    /// A right password ends the counts against the name, not the one against the address: an attacker with an account of
    /// his own would wipe it clean between guesses.
    ///
    /// - Parameter standing: as it was when the password turned out to be right.
    public func signInSucceeded(address: String, name: String, _ standing: Standing) async {
        let kinds: [AttemptKey.Kind] = [.failedSignInByBoth, .failedSignInByName]
        let counted = standing.quotas.filter { $0.remaining < $0.limit.attempts }.map(\.name)
        let rules = rules(address: address, name: name).filter { kinds.contains($0.key.kind) }
        guard rules.contains(where: { counted.contains($0.key.kind.rawValue) }) else { return }
        await counter.forget(rules)
    }

    /// Counts a sign-up, unless it is one too many.
    public func countSignUp(address: String) async -> Standing {
        let rules = [AttemptRule(AttemptKey(.signUpByAddress, address), signUpsByAddress)]
        let (counts, isCounted) = await counter.take(rules)
        return Limits.standing(rules, counts, isRefused: !isCounted)
    }

    private func rules(address: String, name: String) -> [AttemptRule] {
        [
            AttemptRule(AttemptKey(.failedSignInByAddress, address), failedSignInsByAddress),
            // An address holds no blank.
            AttemptRule(AttemptKey(.failedSignInByBoth, "\(address) \(name)"), failedSignInsByBoth),
            AttemptRule(AttemptKey(.failedSignInByName, name), failedSignInsByName),
        ]
    }

    private static func standing(_ rules: [AttemptRule], _ counts: [AttemptCount], isRefused: Bool) -> Standing {
        Standing(
            quotas: zip(rules, counts).map { rule, count in
                Quota(
                    name: rule.key.kind.rawValue, limit: rule.limit,
                    remaining: max(0, rule.limit.attempts - count.attempts),
                    reset: max(1, Int64((count.left / .seconds(1)).rounded(.up))))
            }, isRefused: isRefused)
    }
}
