import Domain
import Postgres
import Redis
import Storage
import Streams

/// Waits until all that was in the outboxes and streams when it began is done with, and what follows from it: sign-ins
/// recorded, their completions claimed. Ends under live traffic, for each place is marked once, by the ids of its rows and
/// entries, and what comes behind the mark is not waited for. The catalog's outbox feeds only the cache and is left out.
public struct Drain: Sendable {
    private let postgres: PostgresClient
    private let outboxes: OutboxMarks
    private let redis: RedisClient
    private let keys: StreamKeys

    public init(postgres: PostgresClient, streams: RedisClient, keys: StreamKeys) {
        self.postgres = postgres
        outboxes = OutboxMarks(postgres)
        redis = streams
        self.keys = keys
    }

    /// Goes the way of a sign-in: its outbox, its stream, the outbox of the completions, their stream. A server that is away
    /// is waited for like anything else, and so is, before all, a database that is not migrated.
    ///
    /// - Parameters:
    ///   - limit: how long at most.
    ///   - say: called with what is waited for, when it changes and every ten seconds.
    /// - Returns: what still waits; nil if nothing does.
    /// - Throws: `PostgresError` and `RedisError` that waiting does not help; `CancellationError`.
    public func run(within limit: Duration, _ say: (String) -> Void) async throws -> String? {
        let deadline = Deadline(end: .now + limit)
        for begin in [schema, signIns, signInStream, completions, completionStream] {
            if let rest = try await deadline.wait(for: begin, say) { return rest }
        }
        return nil
    }

    /// A place to wait for: marks it, and gives what tells how much of it is left.
    private typealias Begin = @Sendable () async throws -> Left?
    /// What is not done with, in words; nil if everything is.
    private typealias Left = @Sendable () async throws -> String?

    private var schema: Begin {
        { [postgres] in
            { NotMigrated(version: try await Migrator.version(of: postgres))?.description }
        }
    }

    private var signIns: Begin {
        { [outboxes] in
            guard let last = try await outboxes.lastSignIn() else { return nil }
            return {
                let count = try await outboxes.signIns(through: last)
                return count == 0 ? nil : "auth.outbox: \(count) sign-ins up to number \(last) to be published"
            }
        }
    }

    private var completions: Begin {
        { [outboxes] in
            let time = try await outboxes.now()
            return {
                let count = try await outboxes.completions(through: time)
                return count == 0 ? nil : "processing.outbox: \(count) completions made until \(time) without a claim"
            }
        }
    }

    private var signInStream: Begin { stream(keys.signIns, group: StreamKeys.progressGroup) }
    private var completionStream: Begin { stream(keys.completions, group: StreamKeys.claimsGroup) }

    private func stream(_ stream: String, group: String) -> Begin {
        { [redis] in
            guard let mark = try await StreamMark.end(of: stream, redis) else { return nil }
            return {
                let rest = try await mark.rest(of: group, redis)
                if rest.isNothing { return nil }
                let many = rest.pending < StreamMark.countLimit ? "\(rest.pending)" : "\(rest.pending) or more"
                return "\(stream): entries up to \(mark.id) that \(group) is not done with, \(many) delivered"
                    + (rest.hasWaiting ? ", others not yet" : "")
            }
        }
    }

    /// Waits for one place after another, all of them together no longer than until `end`.
    private struct Deadline {
        let end: ContinuousClock.Instant
        private static let longestPause = Duration.milliseconds(500)
        private static let sayAgain = Duration.seconds(10)

        /// - Returns: what is left at the end; nil if nothing is.
        func wait(for begin: Begin, _ say: (String) -> Void) async throws -> String? {
            var left: Left?
            var hasBegun = false
            var pause = Duration.milliseconds(20)
            var said: ContinuousClock.Instant?
            while true {
                let rest: String?
                do {
                    if !hasBegun { left = try await begin() }
                    hasBegun = true
                    rest = try await left?()
                } catch let error as PostgresError where error.isRetryable {
                    rest = "\(error)"
                } catch let error as RedisError where error.isRetryable {
                    rest = "\(error)"
                }
                guard let rest else { return nil }
                guard ContinuousClock.now < end else { return rest }
                if said.map({ .now - $0 >= Deadline.sayAgain }) ?? true {
                    say(rest)
                    said = .now
                }
                try await Task.sleep(for: min(pause, max(.zero, end - .now)))
                pause = min(pause * 2, Deadline.longestPause)
            }
        }
    }
}
