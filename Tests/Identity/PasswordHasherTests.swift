import TestSupport
import Testing

@testable import Identity

@Suite("Passwords")
struct PasswordHasherTests {
    private static let cheap = PasswordParameters(memory: 64, passes: 1)
    private let hasher = PasswordHasher(cheap, threads: 2, queue: 8)

    @Test("A hash is checked, and nothing else matches it")
    func roundTrip() async throws {
        let hash = try await hasher.hash("correct horse")
        #expect(hash.hasPrefix("$argon2id$v=19$m=64,t=1,p=1$"))
        #expect(try await hasher.verify("correct horse", against: hash).matches)
        #expect(try await !hasher.verify("correct horsf", against: hash).matches)
        #expect(try await !hasher.verify("", against: hash).matches)
        #expect(try await hasher.hash("correct horse") != hash)
    }

    @Test("Of thousands of wrong passwords none matches")
    func wrong() async throws {
        let hash = try await hasher.hash("correct horse")
        for number in 0..<3_000 {
            #expect(try await !hasher.verify("wrong horse \(number)", against: hash).matches)
        }
    }

    @Test("Two hashes are equal only if every bit of them is")
    func equality() {
        for _ in 0..<50 {
            let hash = EncodedHash.random(Argon2.hashBytes)
            let stored = EncodedHash(parameters: .standard, salt: [], hash: hash)
            #expect(stored.equals(hash))
            for place in 0..<(8 * hash.count) {
                var other = hash
                other[place / 8] ^= 1 << (place % 8)
                #expect(!stored.equals(other))
            }
            #expect(!stored.equals(Array(hash.dropLast())) && !stored.equals(hash + [0]) && !stored.equals([]))
            // Another hash altogether but for its last byte.
            #expect(!stored.equals(EncodedHash.random(hash.count - 1) + [hash[hash.count - 1]]))
        }
        let random = EncodedHash(parameters: .standard, salt: [], hash: EncodedHash.random(Argon2.hashBytes))
        for _ in 0..<20_000 { #expect(!random.equals(EncodedHash.random(Argon2.hashBytes))) }
    }

    @Test("The reference implementation's own vector matches")
    func vector() async throws {
        let encoded = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
        let verdict = try await hasher.verify("password", against: encoded)
        #expect(verdict == PasswordHasher.Verdict(matches: true, isOutdated: true))
        #expect(EncodedHash(encoded)?.text == encoded)
    }

    @Test(
        "What is not a hash, or costs too much, matches nothing",
        arguments: [
            "", "plain", "$argon2i$v=19$m=64,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
            "$argon2id$v=19$m=4294967295,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
            "$argon2id$v=19$m=64,t=1,p=1$!!$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
            "$argon2id$v=19$m=64,t=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        ])
    func unreadable(_ encoded: String) async throws {
        #expect(EncodedHash(encoded) == nil)
        #expect(try await !hasher.verify("password", against: encoded).matches)
    }

    @Test("A name that nobody has costs a hash of the same parameters")
    func unknownName() async throws {
        let parameters = PasswordParameters(memory: 65_536, passes: 3)
        let hasher = PasswordHasher(parameters, threads: 1, queue: 1)
        let stored = try #require(EncodedHash(try await hasher.hash("password")))
        #expect(hasher.unmatchable.parameters == stored.parameters)
        #expect(hasher.unmatchable.salt.count == stored.salt.count)
        #expect(hasher.unmatchable.hash.count == stored.hash.count)
        // 192 MiB cannot be filled in less on any machine, and nothing else takes this long.
        let start = ContinuousClock.now
        #expect(try await !hasher.verify("password", against: nil).matches)
        #expect(start.duration(to: .now) > .milliseconds(15))
    }

    @Test("Beyond the queue a caller is told to come back, and the memory goes back to the system")
    func overload() async throws {
        let hasher = PasswordHasher(PasswordParameters(memory: 19_456, passes: 2), threads: 1, queue: 2)
        let outcomes = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<12 {
                group.addTask {
                    do {
                        _ = try await hasher.hash("password")
                        return true
                    } catch let overload as PasswordOverload {
                        return overload.retryAfterSeconds < 1
                    } catch {
                        return true
                    }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(outcomes.contains(true))
        #expect(outcomes.contains(false))
        try await eventually("the memory is given back", within: .seconds(20)) { HashMemory.shared.idleBytes == 0 }
    }
}
