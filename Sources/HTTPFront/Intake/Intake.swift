import Domain
import Logging
import Metrics
import Postgres
import Redis
import Runtime
import Storage
import Streams

/// What has to be written before a sign-in is answered.
enum Acceptance: String, CaseIterable, Sendable {
    /// The stream; the outbox only when the stream cannot take it.
    case stream
    /// The outbox, always: for a Redis that may lose what it has acknowledged.
    case outbox
}

/// The first guarantee: whatever returns from here is in the stream or in the Postgres outbox.
///
/// Losing an event is worse than publishing it twice, so an attempt whose outcome is unknown is followed by another one
/// with the same event id; the workers count one id once.
final class Intake: Sendable {
    private let acceptance: Acceptance
    /// How long a request waits for the stream before the outbox takes its events.
    let patience: Duration
    private let producer: Producer
    private let outbox: SignInOutbox
    private let users: Users
    private let forwarder: Forwarder
    private let kept: LoadGauge
    /// What waits in the stream to be recorded.
    let backlog: LoadGauge
    /// What was published there and not seen recorded yet.
    let recall: Recall
    private let breaker = Breaker()
    /// Of Redis. Whoever reaches it ends an outage; a refusal to write is ended by a publish only.
    let outage: OutageLog
    private let published = Counter(label: "quest_accepted_total", dimensions: [("by", "stream")])
    private let stored = Counter(label: "quest_accepted_total", dimensions: [("by", "outbox")])
    private let refused = Counter(label: "quest_refused_total")

    init(
        _ acceptance: Acceptance, patience: Duration, producer: Producer, postgres: PostgresClient,
        forwarder: Forwarder, kept: LoadGauge, backlog: LoadGauge, recall: Recall, logger: Logger
    ) {
        self.acceptance = acceptance
        self.patience = patience
        self.producer = producer
        outbox = SignInOutbox(postgres)
        users = Users(postgres)
        self.forwarder = forwarder
        self.kept = kept
        self.backlog = backlog
        self.recall = recall
        outage = OutageLog("Redis", logger: logger)
    }

    /// Whether Redis did not answer, or refused, when it was last asked.
    var isStreamAway: Bool { outage.isOut }

    /// Accepts events, all or none.
    ///
    /// - Throws: `Problem` 503 when they are neither in the stream nor in the outbox for sure, and when too much waits.
    func accept(_ events: [SignInEvent]) async throws {
        try admit(events.count, to: backlog, "Too many sign-ins wait to be recorded")
        if acceptance == .stream, await publish(events) {
            backlog.arrived(events.count)
            published.increment(by: events.count)
            return
        }
        backlog.withdraw(events.count)
        let rows = try await keep(events)
        stored.increment(by: events.count)
        // While the stream is away the relay publishes them once it is back.
        if acceptance == .outbox { forwarder.offer(events, rows: rows) }
    }

    /// Accepts again what was accepted before and may be lost; no limit refuses it.
    ///
    /// - Returns: false when neither the stream nor the outbox has it for sure.
    func acceptAgain(_ events: [SignInEvent]) async -> Bool {
        if await publish(events) { return true }
        return (try? await outbox.add(events)) != nil
    }

    /// Accepts the sign-in of somebody whose password was right.
    ///
    /// Somebody new becomes known and gets a first sign-in, in one transaction; of several at the same time only one finds
    /// them new, and the others are ordinary sign-ins.
    ///
    /// - Returns: the event; its id becomes the id of the token.
    /// - Throws: `Problem` 503.
    func acceptSignIn(of user: User, at now: Timestamp = .now, origin: EventOrigin) async throws -> SignInEvent {
        let id = Identifier.timeOrdered(at: now)
        if user.status == .new {
            try admit(1, to: kept, "Too many sign-ins wait to be published")
            defer { kept.arrived(1) }
            let first = SignInEvent(id: id, type: .firstSignIn, userID: user.id, occurredAt: now, origin: origin)
            if let row = try await recordFirst(first) {
                stored.increment()
                forwarder.offer([first], rows: [row])
                return first
            }
        }
        let event = SignInEvent(id: id, type: .signIn, userID: user.id, occurredAt: now, origin: origin)
        try await accept([event])
        return event
    }

    private func recordFirst(_ event: SignInEvent) async throws -> Int64? {
        do {
            return try await users.recordFirstSignIn(event)
        } catch let error as PostgresError where error.isRetryable || error.code == .cancelled {
            refused.increment()
            throw Problem.unavailable("The sign-in cannot be kept")
        }
    }

    private func publish(_ events: [SignInEvent]) async -> Bool {
        guard breaker.allows() else { return false }
        let life = recall.life
        do {
            let entries = try await producer.publish(events, within: patience)
            recall.keep(events, as: entries, since: life)
            breaker.succeeded()
            outage.succeeded()
            outage.succeeded(Intake.writes)
            return true
        } catch let error where error.code == .queueFull {
            // Redis is there and busy: these go to the outbox, the others go on.
            return false
        } catch {
            // A caller that went away says nothing about Redis.
            if !Task.isCancelled {
                breaker.failed()
                outage.failed(error, of: Intake.party(in: error))
            }
            return false
        }
    }

    /// Who is kept away by a server that answers, and refuses to write.
    private static let writes = "writes"

    private static func party(in error: RedisError) -> String {
        let refusals = ["OOM", "MISCONF", "READONLY", "NOREPLICAS"]
        return error.prefix.map(refusals.contains) == true ? writes : ""
    }

    private func admit(_ count: Int, to gauge: LoadGauge, _ refusal: String) throws {
        guard gauge.admits(count) else {
            refused.increment(by: count)
            throw Problem.unavailable(refusal, retryAfter: 5)
        }
    }

    private func keep(_ events: [SignInEvent]) async throws -> [Int64] {
        try admit(events.count, to: kept, "Too many sign-ins wait to be published")
        defer { kept.arrived(events.count) }
        do {
            return try await outbox.add(events)
        } catch let error as PostgresError where error.isRetryable || error.code == .cancelled {
            refused.increment(by: events.count)
            throw Problem.unavailable(
                acceptance == .stream
                    ? "Neither the stream nor the outbox can take sign-ins" : "The outbox cannot take sign-ins")
        }
    }
}
