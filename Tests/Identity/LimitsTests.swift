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
        limits.failedSignInsByName = AttemptLimit(attempts: 4, seconds: 60)
        limits.failedSignInsByBoth = AttemptLimit(attempts: 3, seconds: 60)
        limits.failedSignInsByAddress = AttemptLimit(attempts: 5, seconds: 60)
        limits.signUpsByAddress = AttemptLimit(attempts: 2, seconds: 60)
        return limits
    }

    private func wait(_ limits: Limits, _ address: String, _ name: String) async -> Int64? {
        await limits.beforeSignIn(address: address, name: name).wait
    }

    @Test("The fifth guess at a name waits, from wherever it comes, and until the window ends")
    func byName() async {
        let limits = limits()
        for address in ["a", "b", "c", "d"] {
            #expect(await wait(limits, address, "ann") == nil)
            #expect(await limits.signInFailed(address: address, name: "ann").wait == nil)
        }
        #expect(await wait(limits, "e", "ann") == 60)
        #expect(await limits.signInFailed(address: "e", name: "ann").wait == 60)
        #expect(await wait(limits, "e", "bob") == nil)
        clock.advance(.milliseconds(59_500))
        #expect(await wait(limits, "e", "ann") == 1)
        clock.advance(.milliseconds(500))
        #expect(await wait(limits, "e", "ann") == nil)
    }

    @Test("One address cannot keep a person out elsewhere")
    func byBoth() async {
        let limits = limits()
        for _ in 0..<10 { _ = await limits.signInFailed(address: "a", name: "ann") }
        #expect(await wait(limits, "a", "ann") == 60)
        #expect(await wait(limits, "b", "ann") == nil)
        #expect(await wait(limits, "a", "bob") == nil)
    }

    @Test("An address that tries many names waits; a success of its own does not wipe that clean")
    func byAddress() async {
        let limits = limits()
        for index in 0..<5 { _ = await limits.signInFailed(address: "a", name: "name \(index)") }
        let standing = await limits.beforeSignIn(address: "b", name: "own")
        await limits.signInSucceeded(address: "a", name: "own", standing)
        #expect(await wait(limits, "a", "another") != nil)
        #expect(await wait(limits, "b", "another") == nil)
    }

    @Test("A right password ends the counts against the name")
    func success() async {
        let limits = limits()
        for _ in 0..<2 { _ = await limits.signInFailed(address: "a", name: "ann") }
        let standing = await limits.beforeSignIn(address: "a", name: "ann")
        #expect(standing.quotas.map(\.remaining) == [3, 1, 2])
        await limits.signInSucceeded(address: "a", name: "ann", standing)
        #expect(await limits.beforeSignIn(address: "a", name: "ann").quotas.map(\.remaining) == [3, 3, 4])
    }

    @Test("Of guesses sent together only as many count as the limit allows, and the others are refused")
    func together() async {
        let limits = limits()
        let answered = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<50 { group.addTask { await limits.signInFailed(address: "a", name: "ann").wait == nil } }
            return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
        #expect(answered == 3)
    }

    @Test("Sign-ups are counted per address")
    func signUps() async {
        let limits = limits()
        #expect(await limits.countSignUp(address: "a").quotas.first?.remaining == 1)
        #expect(await limits.countSignUp(address: "a").wait == nil)
        #expect(await limits.countSignUp(address: "a").wait == 60)
        #expect(await limits.countSignUp(address: "b").wait == nil)
    }

    @Test("A flood of new names does not push out the one that is being guessed at")
    func flood() async {
        let limits = limits(capacity: 100)
        for address in ["a", "b", "c", "d"] { _ = await limits.signInFailed(address: address, name: "ann") }
        for index in 0..<1_000 { _ = await limits.signInFailed(address: "f\(index)", name: "n\(index)") }
        #expect(await wait(limits, "z", "ann") != nil)
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
