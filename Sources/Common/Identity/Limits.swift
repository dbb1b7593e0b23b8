/// The limits on guessing passwords and on making accounts.
public struct Limits: Sendable {
    public var failedSignInsByAddress = AttemptLimit(attempts: 50, seconds: 300)
    public var failedSignInsByName = AttemptLimit(attempts: 10, seconds: 300)
    public var signUpsByAddress = AttemptLimit(attempts: 60, seconds: 3_600)

    private let counter: any AttemptCounter

    public init(_ counter: any AttemptCounter) {
        self.counter = counter
    }

    /// Seconds to wait before this sign-in may be tried, or nil. Asked before the password is checked, so that guessing is
    /// slowed down whether the guess is right or not.
    public func waitBeforeSignIn(address: String, name: String) async -> Int64? {
        let byAddress = await counter.wait(
            for: AttemptKey(.failedSignInByAddress, address), under: failedSignInsByAddress)
        let byName = await counter.wait(for: AttemptKey(.failedSignInByName, name), under: failedSignInsByName)
        guard let byAddress, let byName else { return byAddress ?? byName }
        return max(byAddress, byName)
    }

    public func signInFailed(address: String, name: String) async {
        await counter.count(AttemptKey(.failedSignInByAddress, address), under: failedSignInsByAddress)
        await counter.count(AttemptKey(.failedSignInByName, name), under: failedSignInsByName)
    }

    /// A right password ends the count against the name, not the one against the address: an attacker with an account of
    /// his own would wipe it clean between guesses.
    public func signInSucceeded(name: String) async {
        await counter.forget(AttemptKey(.failedSignInByName, name))
    }

    /// Counts a sign-up, or returns the seconds to wait before one is allowed.
    public func countSignUp(address: String) async -> Int64? {
        let key = AttemptKey(.signUpByAddress, address)
        if let wait = await counter.wait(for: key, under: signUpsByAddress) { return wait }
        await counter.count(key, under: signUpsByAddress)
        return nil
    }
}
