import FoundationEssentials
import Metrics
import Reactor

/// As many passwords as may wait for their turn are waiting; try again after so many seconds.
public struct PasswordOverload: Error, Sendable, CustomStringConvertible {
    public let retryAfterSeconds: Int

    public var description: String { "too many passwords wait to be checked" }
}

/// Hashes and checks passwords with Argon2id on threads of its own.
///
/// At most `threads` run at once, so the memory in use is at most `threads` × the memory of one hash; at most `queue`
/// wait, further ones are refused. An unknown name costs the same time as a wrong password.
public struct PasswordHasher: Sendable {
    public struct Verdict: Sendable, Equatable {
        public let matches: Bool
        /// The hash was made with other parameters than today's and should be replaced.
        public let isOutdated: Bool
    }

    public let parameters: PasswordParameters
    private let calls: BlockingCalls
    let unmatchable: EncodedHash
    private let timer = Timer(label: "quest_password_hash")
    private let overloads = Counter(label: "quest_password_overloads_total")

    /// How many cores this process may use.
    public static var cores: Int { ProcessInfo.processInfo.activeProcessorCount }

    public init(
        _ parameters: PasswordParameters = .standard, threads: Int = PasswordHasher.cores, queue: Int = 256
    ) {
        self.parameters = parameters
        calls = BlockingCalls(threads: max(1, threads), queue: queue)
        unmatchable = .unmatchable(parameters)
    }

    /// How many passwords are being hashed and how many wait.
    public var counts: (running: Int, waiting: Int) { calls.counts }

    /// The encoded hash of `password` with a new salt.
    ///
    /// - Throws: `PasswordOverload`, `CancellationError`.
    public func hash(_ password: String) async throws -> String {
        let bytes = Array(password.utf8)
        return try await run { [parameters] in
            let salt = EncodedHash.random(Argon2.saltBytes)
            let hash = try Argon2.hash(bytes, salt: salt, parameters)
            return EncodedHash(parameters: parameters, salt: salt, hash: hash).text
        }
    }

    /// Whether `password` has the hash `encoded`; without one, for nobody's name, false after the same time.
    ///
    /// A hash that is not readable, or would cost more than this process may spend, matches nothing.
    ///
    /// - Throws: `PasswordOverload`, `CancellationError`.
    public func verify(_ password: String, against encoded: String?) async throws -> Verdict {
        let bytes = Array(password.utf8)
        let stored = encoded.flatMap(EncodedHash.init)
        let matches = try await run { [unmatchable] in
            let known = stored ?? unmatchable
            let hash = try Argon2.hash(bytes, salt: known.salt, count: known.hash.count, known.parameters)
            return known.equals(hash) && stored != nil
        }
        return Verdict(matches: matches, isOutdated: stored.map { $0.parameters != parameters } ?? false)
    }

    private func run<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        let start = ContinuousClock.now
        defer { timer.record(duration: start.duration(to: .now)) }
        do {
            return try await calls.run(body)
        } catch is LeaseError {
            overloads.increment()
            throw PasswordOverload(retryAfterSeconds: 2)
        }
    }
}
