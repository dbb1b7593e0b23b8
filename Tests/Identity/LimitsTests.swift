import Synchronization
import Testing

@testable import Identity

@Suite("Limits")
struct LimitsTests {
    /// A clock that stands still until told otherwise.
    private final class StillClock: Sendable {
        private let state = Mutex(ContinuousClock.now)
        var now: ContinuousClock.Instant { state.withLock { $0 } }
        func advance(_ duration: Duration) { state.withLock { $0 += duration } }
    }

    private let clock = StillClock()

    private func limits(capacity: Int = 100) -> Limits {
        let clock = clock
        var limits = Limits(AttemptMemory(capacity: capacity, now: { clock.now }))
        limits.failedSignInsByName = AttemptLimit(attempts: 3, seconds: 60)
        limits.failedSignInsByAddress = AttemptLimit(attempts: 5, seconds: 60)
        limits.signUpsByAddress = AttemptLimit(attempts: 2, seconds: 60)
        return limits
    }

    @Test("The fourth guess at a name waits, from wherever it comes, and until the window ends")
    func byName() async {
        let limits = limits()
        for address in ["a", "b", "c"] {
            #expect(await limits.waitBeforeSignIn(address: address, name: "ann") == nil)
            await limits.signInFailed(address: address, name: "ann")
        }
        #expect(await limits.waitBeforeSignIn(address: "d", name: "ann") == 60)
        #expect(await limits.waitBeforeSignIn(address: "d", name: "bob") == nil)
        clock.advance(.milliseconds(59_500))
        #expect(await limits.waitBeforeSignIn(address: "d", name: "ann") == 1)
        clock.advance(.milliseconds(500))
        #expect(await limits.waitBeforeSignIn(address: "d", name: "ann") == nil)
    }

    @Test("An address that tries many names waits; a success of its own does not wipe that clean")
    func byAddress() async {
        let limits = limits()
        for index in 0..<5 { await limits.signInFailed(address: "a", name: "name \(index)") }
        await limits.signInSucceeded(name: "own")
        #expect(await limits.waitBeforeSignIn(address: "a", name: "another") != nil)
        #expect(await limits.waitBeforeSignIn(address: "b", name: "another") == nil)
    }

    @Test("A right password ends the count against the name")
    func success() async {
        let limits = limits()
        for _ in 0..<2 { await limits.signInFailed(address: "a", name: "ann") }
        await limits.signInSucceeded(name: "ann")
        for _ in 0..<2 { await limits.signInFailed(address: "b", name: "ann") }
        #expect(await limits.waitBeforeSignIn(address: "c", name: "ann") == nil)
    }

    @Test("Sign-ups are counted per address")
    func signUps() async {
        let limits = limits()
        #expect(await limits.countSignUp(address: "a") == nil)
        #expect(await limits.countSignUp(address: "a") == nil)
        #expect(await limits.countSignUp(address: "a") == 60)
        #expect(await limits.countSignUp(address: "b") == nil)
    }

    @Test("A flood of new names does not push out the one that is being guessed at")
    func flood() async {
        let limits = limits(capacity: 100)
        for _ in 0..<3 { await limits.signInFailed(address: "a", name: "ann") }
        for index in 0..<1_000 { await limits.signInFailed(address: "f\(index)", name: "n\(index)") }
        #expect(await limits.waitBeforeSignIn(address: "z", name: "ann") != nil)
    }
}

@Suite("Names and passwords")
struct CredentialsTests {
    @Test(
        "Names of 1 to 255 characters", arguments: ["a", "Ann Müller", String(repeating: "ä", count: 255), "名前", "👩‍🚀"])
    func goodNames(_ name: String) {
        #expect(Credentials.fault(inName: name) == nil)
    }

    @Test(
        "Not names",
        arguments: ["", " ann", "ann ", "a\u{0}b", "a\nb", "\u{7f}", "a\u{2028}b", String(repeating: "a", count: 256)])
    func badNames(_ name: String) {
        #expect(Credentials.fault(inName: name) != nil)
    }

    @Test("Passwords have 8 to 128 characters")
    func passwords() {
        #expect(Credentials.fault(inPassword: "1234567") != nil)
        #expect(Credentials.fault(inPassword: "12345678") == nil)
        #expect(Credentials.fault(inPassword: String(repeating: "x", count: 128)) == nil)
        #expect(Credentials.fault(inPassword: String(repeating: "x", count: 129)) != nil)
        #expect(Credentials.fault(inPassword: "1234\u{0}5678") != nil)
    }

    @Test("API keys are long, random and can be told from other secrets")
    func keys() {
        let key = APIKeys.generate()
        #expect(key.hasPrefix("ql_"))
        #expect(APIKeys.lengths.contains(key.utf8.count))
        #expect(key != APIKeys.generate())
        #expect(APIKeyHash(of: key).bytes.count == 32)
    }
}
