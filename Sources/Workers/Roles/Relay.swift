import Catalog
import Domain
import Metrics
import Postgres
import Redis
import Runtime
import ServiceLifecycle
import Storage
import Streams

/// Publishes what waits in the outboxes: sign-ins that Redis could not take or has lost, completions without a claim,
/// changes of the catalog; and removes the sign-ins that are recorded.
struct Relay: Service {
    static let interval = Duration.milliseconds(500)
    private static let batch = 1_000
    /// So many pages of published rows are looked at in one round.
    private static let pages = 20

    let connections: Connections
    let signIns: SignInOutbox
    let completions: CompletionOutbox
    let events: EventStore
    let projector: Projector
    let producer: Producer
    private let published = Dictionary(
        uniqueKeysWithValues: ["sign-ins", "published sign-ins", "completions", "catalog"].map { outbox in
            (outbox, Counter(label: "quest_outbox_published_total", dimensions: [("outbox", outbox)]))
        })

    init(
        connections: Connections, signIns: SignInOutbox, completions: CompletionOutbox, events: EventStore,
        projector: Projector, producer: Producer
    ) {
        self.connections = connections
        self.signIns = signIns
        self.completions = completions
        self.events = events
        self.projector = projector
        self.producer = producer
    }

    func run() async throws {
        var cursor: Int64 = 0
        while !Task.isShuttingDownGracefully {
            // Each by itself: one that cannot go on must not hold the others up.
            await step("sign-ins", connections.redisOutage) {
                let published = try await signIns.publishDue(limit: Relay.batch) { try await publish($0) }
                return (published, published == Relay.batch)
            }
            await step("published sign-ins", connections.redisOutage) {
                let published = try await settle(from: &cursor)
                return (published, false)
            }
            await step("completions", connections.redisOutage) {
                let survey = try await StreamSurvey.take(connections.streams, keys: keys)
                let published = try await completions.publishLost(
                    before: horizon(survey.completions), limit: Relay.batch
                ) { try await producer.publish($0) }
                return (published, published == Relay.batch)
            }
            await step("catalog", connections.cacheOutage) {
                // Also what nobody noted: a flushed cache, or one that has seen a later state of a restored database.
                guard try await !projector.isCurrent() else { return (0, false) }
                return (try await projector.project()?.changes ?? 0, false)
            }
            do { try await Pause.wait(Relay.interval) } catch { return }
        }
    }

    /// Goes on where the last round stopped, so that rows that have to wait do not hide those behind them.
    ///
    /// - Returns: how many were published again.
    private func settle(from cursor: inout Int64) async throws -> Int {
        let survey = try await StreamSurvey.take(connections.streams, keys: keys)
        var published = 0
        for _ in 0..<Relay.pages where !Task.isShuttingDownGracefully {
            let page = try await signIns.settle(
                before: horizon(survey.signIns), after: cursor, limit: Relay.batch
            ) {
                try await events.recorded(among: $0)
            } publish: {
                try await publish($0)
            }
            published += page.published
            cursor = page.next ?? 0
            if page.next == nil { break }
        }
        return published
    }

    private var keys: StreamKeys { connections.settings.keys }

    private func publish(_ events: [SignInEvent]) async throws {
        _ = try await producer.publish(events)
    }

    /// The time of the oldest entry that the stream's group has not finished, or now. A group that does not exist has
    /// everything in the stream before it.
    private func horizon(_ stream: StreamSurvey.Stream) -> Timestamp {
        let oldest = stream.group == nil ? stream.firstID : stream.group?.oldestUndone
        return oldest.map { Timestamp(milliseconds: Int64(clamping: $0.milliseconds)) } ?? .now
    }

    /// Goes on as long as there may be more.
    ///
    /// - Parameter publish: tells how many it has published, and whether it found a whole batch.
    private func step(
        _ outbox: String, _ redis: OutageLog, _ publish: () async throws -> (published: Int, mayGoOn: Bool)
    ) async {
        _ = await connections.attempt("relay of \(outbox)", redis: redis) {
            var mayGoOn = true
            while mayGoOn && !Task.isShuttingDownGracefully {
                let result = try await publish()
                mayGoOn = result.mayGoOn
                if result.published > 0 {
                    published[outbox]?.increment(by: result.published)
                }
            }
        }
    }
}
