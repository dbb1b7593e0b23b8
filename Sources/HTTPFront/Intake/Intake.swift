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
    /// How long a request waits for the stream before the outbox takes its events.
    static let patience = Duration.seconds(1)

    private let acceptance: Acceptance
    private let producer: Producer
    private let outbox: SignInOutbox
    private let users: Users
    private let forwarder: Forwarder
    private let gauge: OutboxGauge
    private let breaker = Breaker()
    private let outage: OutageLog
    private let published = Counter(label: "quest_accepted_total", dimensions: [("by", "stream")])
    private let kept = Counter(label: "quest_accepted_total", dimensions: [("by", "outbox")])
    private let refused = Counter(label: "quest_refused_total")

    init(
        _ acceptance: Acceptance, producer: Producer, postgres: PostgresClient, forwarder: Forwarder,
        gauge: OutboxGauge, logger: Logger
    ) {
        self.acceptance = acceptance
        self.producer = producer
        outbox = SignInOutbox(postgres)
        users = Users(postgres)
        self.forwarder = forwarder
        self.gauge = gauge
        outage = OutageLog("Redis", logger: logger)
    }

    /// Whether the stream took the last events that were offered to it.
    var isStreamAway: Bool { outage.isOut }

    /// Accepts events, all or none.
    ///
    /// - Throws: `Problem` 503 when they are neither in the stream nor in the outbox for sure.
    func accept(_ events: [SignInEvent]) async throws {
        if acceptance == .stream, await publish(events) {
            published.increment(by: events.count)
            return
        }
        let rows = try await keep(events)
        kept.increment(by: events.count)
        // While the stream is away the relay publishes them once it is back.
        if acceptance == .outbox { forwarder.offer(events, rows: rows) }
    }

    /// Accepts the sign-in of somebody whose password was right.
    ///
    /// Somebody new becomes known and gets a first sign-in, in one transaction; of several at the same time only one finds
    /// them new, and the others are ordinary sign-ins.
    ///
    /// - Returns: the event; its id becomes the id of the token.
    /// - Throws: `Problem` 503.
    func acceptSignIn(of user: User, at now: Timestamp = .now, traceparent: String?) async throws -> SignInEvent {
        let id = Identifier.timeOrdered(at: now)
        if user.status == .new {
            let first = SignInEvent(
                id: id, type: .firstSignIn, userID: user.id, occurredAt: now, traceparent: traceparent)
            if let row = try await recordFirst(first) {
                kept.increment()
                forwarder.offer([first], rows: [row])
                return first
            }
        }
        let event = SignInEvent(id: id, type: .signIn, userID: user.id, occurredAt: now, traceparent: traceparent)
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
        do {
            try await withDeadline(Intake.patience) { [producer] in try await producer.publish(events) }
            breaker.succeeded()
            outage.succeeded()
            return true
        } catch let error as RedisError where error.code == .queueFull {
            // Redis is there and busy: these go to the outbox, the others go on.
            return false
        } catch {
            // A caller that went away says nothing about Redis.
            if !Task.isCancelled {
                breaker.failed()
                outage.failed(error)
            }
            return false
        }
    }

    private func keep(_ events: [SignInEvent]) async throws -> [Int64] {
        guard gauge.admits(events.count) else {
            refused.increment(by: events.count)
            throw Problem.unavailable("Too many sign-ins wait to be published", retryAfter: 5)
        }
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
