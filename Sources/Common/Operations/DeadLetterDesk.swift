import Domain
import Postgres
import Redis
import Storage
import Streams

/// What an operator can do about dead letters, at the command line and over HTTP.
public struct DeadLetterDesk: Sendable {
    /// Which letters are meant.
    public enum Choice: Sendable {
        case ids([StreamID])
        /// Those whose error contains this text.
        case error(String)
        case all
    }

    /// A letter with which it was done.
    public struct Deed: Sendable {
        public let letter: DeadLetter
        /// Its new entry, if it was retried.
        public let entry: StreamID?
    }

    /// What became of the letters that were meant, in their order.
    public struct Outcome: Sendable {
        public internal(set) var done: [Deed] = []
        /// Those with which nothing was done; after an error of Redis with `mayHaveHappened` perhaps it was, which a look
        /// at the letters tells.
        public internal(set) var failed: [(id: StreamID, error: DeadLetterError)] = []
        /// Why no further letters were tried.
        public internal(set) var interruption: RedisError?

        public var isComplete: Bool { failed.isEmpty && interruption == nil }
    }

    private let letters: DeadLetters
    private let signIns: SignInOutbox
    private let completions: CompletionOutbox
    private let audit: AuditLog
    private let keys: StreamKeys

    public init(_ redis: RedisClient, postgres: PostgresClient, keys: StreamKeys) {
        letters = DeadLetters(redis, keys: keys)
        signIns = SignInOutbox(postgres)
        completions = CompletionOutbox(postgres)
        audit = AuditLog(postgres)
        self.keys = keys
    }

    /// Up to `limit` letters, oldest first, after the letter `cursor`.
    ///
    /// - Parameter error: only those whose error contains this text.
    public func list(
        after cursor: StreamID? = nil, error: String? = nil, limit: Int
    ) async throws(RedisError) -> [DeadLetter] {
        try await letters.list(after: cursor, error: error, limit: limit)
    }

    public func get(_ id: StreamID) async throws(RedisError) -> DeadLetter? { try await letters.get(id) }

    /// All letters that are meant; `done` holds them.
    public func look(_ choice: Choice) async -> Outcome {
        await each(choice) { Deed(letter: $0, entry: nil) }
    }

    /// How many letters there are with each error, the most frequent ones first.
    public func countsByError() async throws(RedisError) -> [(error: String, count: Int)] {
        var counts: [String: Int] = [:]
        var cursor: StreamID?
        repeat {
            let page = try await letters.list(after: cursor, limit: DeadLetters.pageSize)
            for letter in page { counts[letter.error, default: 0] += 1 }
            cursor = page.last?.id
        } while cursor != nil
        return counts.map { (error: $0.key, count: $0.value) }
            .sorted { ($1.count, $0.error) < ($0.count, $1.error) }
    }

    /// Puts the original entries back into their streams, once each however many ask at the same time, and removes the
    /// letters. One that is still bad comes back as a new letter, which is not tried again here.
    ///
    /// The audit row is written in Postgres before the letter is touched in Redis, as an intent: of several who retry one
    /// letter at the same time each leaves a row, and one whose Redis then fails does, too.
    ///
    /// - Parameters:
    ///   - corrections: fields to replace or add in each of them.
    ///   - actor: for the audit log.
    public func retry(
        _ choice: Choice, set corrections: [(name: String, value: String)] = [], by actor: Actor
    ) async -> Outcome {
        let changesIdentity = corrections.contains { ["event_id", "user_id", "type"].contains($0.name) }
        return await each(choice) { letter throws(DeadLetterError) in
            try await note("dead-letter.retry", letter, set: corrections, by: actor)
            // First, so that whoever stops here leaves the letter. As another event it is not this row's any more.
            try await tell(letter, isGone: changesIdentity)
            return Deed(letter: letter, entry: try await letters.retry(letter, set: corrections))
        }
    }

    /// Tells the outbox that a letter will no longer hold its event back.
    private func tell(_ letter: DeadLetter, isGone: Bool) async throws(DeadLetterError) {
        do {
            if letter.source == keys.completions, !isGone, let id = letter.eventID {
                try await completions.revive(id)
            } else if letter.source == keys.signIns, let event = letter.signIn {
                let key = (id: event.id, userID: event.userID, type: event.type.name)
                try await isGone ? signIns.forget(key) : signIns.revive(key)
            }
        } catch {
            throw .outbox("\(error)")
        }
    }

    private func note(
        _ action: String, _ letter: DeadLetter, set corrections: [(name: String, value: String)] = [], by actor: Actor
    ) async throws(DeadLetterError) {
        var details: [(name: String, value: AuditDetails.Value)] = [
            ("source", .text(letter.source)), ("source_id", .text(letter.sourceID)), ("error", .text(letter.error)),
            (
                "fields",
                .object(
                    AuditDetails(letter.textFields.prefix(20).map { ($0.name, .text(String($0.value.prefix(200)))) }))
            ),
        ]
        if !corrections.isEmpty {
            details.append(("set", .object(AuditDetails(corrections.map { ($0.name, .text($0.value)) }))))
        }
        do {
            try await audit.write(
                AuditEntry(actor, action, subject: "\(letter.id)", details: AuditDetails(details)))
        } catch {
            throw .outbox("\(error)")
        }
    }

    /// Forgets letters for good. The audit row comes first, as with `retry`, and holds what the letter held.
    public func drop(_ choice: Choice, by actor: Actor) async -> Outcome {
        await each(choice) { letter throws(DeadLetterError) in
            try await note("dead-letter.drop", letter, by: actor)
            try await tell(letter, isGone: true)
            let isDropped: Bool
            do throws(RedisError) {
                isDropped = try await letters.drop(letter.id)
            } catch {
                throw .redis(error)
            }
            guard isDropped else { throw .notFound }
            return Deed(letter: letter, entry: nil)
        }
    }

    private typealias Act = @Sendable (DeadLetter) async throws(DeadLetterError) -> Deed
    private typealias Page = [(id: StreamID, letter: DeadLetter?)]

    /// Acts on a page of letters at a time, on all of it at once: the client sends them together.
    private func each(_ choice: Choice, _ act: @escaping Act) async -> Outcome {
        var outcome = Outcome()
        do throws(RedisError) {
            switch choice {
            case .ids(let ids):
                var seen: Set<StreamID> = []
                var rest = ids.filter { seen.insert($0).inserted }[...]
                while !rest.isEmpty, outcome.interruption == nil {
                    await perform(rest.prefix(DeadLetters.pageSize).map { ($0, nil) }, act, &outcome)
                    rest = rest.dropFirst(DeadLetters.pageSize)
                }
            case .error(let text): try await eachListed(error: text, act, &outcome)
            case .all: try await eachListed(error: nil, act, &outcome)
            }
        } catch {
            outcome.interruption = error
        }
        return outcome
    }

    private func eachListed(error: String?, _ act: @escaping Act, _ outcome: inout Outcome) async throws(RedisError) {
        // Letters that come back meanwhile are not meant.
        guard let last = try await letters.newest() else { return }
        var cursor: StreamID?
        repeat {
            let page = try await letters.list(after: cursor, through: last, error: error, limit: DeadLetters.pageSize)
            await perform(page.map { ($0.id, $0) }, act, &outcome)
            cursor = page.last?.id
        } while cursor != nil && outcome.interruption == nil
    }

    /// So many at the same time: a pool of connections lets no more callers wait than a few hundred.
    private static let atOnce = 100

    private func perform(_ page: Page, _ act: @escaping Act, _ outcome: inout Outcome) async {
        for start in stride(from: 0, to: page.count, by: DeadLetterDesk.atOnce) where outcome.interruption == nil {
            await performAtOnce(Page(page[start..<min(start + DeadLetterDesk.atOnce, page.count)]), act, &outcome)
        }
    }

    private func performAtOnce(_ page: Page, _ act: @escaping Act, _ outcome: inout Outcome) async {
        let results = await withTaskGroup(of: (Int, Result<Deed, DeadLetterError>).self) { group in
            for (index, (id, letter)) in page.enumerated() {
                group.addTask { (index, await result(of: act, on: letter, id)) }
            }
            return await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
        }
        for (index, (id, _)) in page.enumerated() {
            switch results[index] {
            case .success(let deed): outcome.done.append(deed)
            case .failure(let error):
                outcome.failed.append((id: id, error: error))
                if case .redis(let cause) = error { outcome.interruption = cause }
            case nil: break
            }
        }
    }

    private func result(of act: Act, on known: DeadLetter?, _ id: StreamID) async -> Result<Deed, DeadLetterError> {
        do throws(DeadLetterError) {
            if let known { return .success(try await act(known)) }
            let letter: DeadLetter?
            do { letter = try await letters.get(id) } catch { throw .redis(error) }
            guard let letter else { throw .notFound }
            return .success(try await act(letter))
        } catch {
            return .failure(error)
        }
    }
}
