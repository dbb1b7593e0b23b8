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
    /// Dead letters are looked after less often than what is on its way.
    private static let buriedInterval = Duration.seconds(10)

    let connections: Connections
    let signIns: SignInOutbox
    let completions: CompletionOutbox
    let events: EventStore
    let projector: Projector
    let producer: Producer

    func run() async throws {
        var buriedSince = ContinuousClock.now
        while !Task.isShuttingDownGracefully {
            // Each by itself: one that cannot go on must not hold the others up.
            await step("sign-ins", connections.redisOutage) {
                let published = try await signIns.publishDue(limit: Relay.batch) { try await publish($0) }
                return (published, published == Relay.batch)
            }
            await step("published sign-ins", connections.redisOutage) {
                let horizon = try await horizon(keys.signIns, StreamKeys.progressGroup)
                let settled = try await signIns.settle(before: horizon, limit: Relay.batch) {
                    try await events.recorded(among: $0)
                } publish: {
                    try await publish($0)
                }
                return (settled.published, settled.removed + settled.published == Relay.batch)
            }
            await step("completions", connections.redisOutage) {
                let horizon = try await horizon(keys.completions, StreamKeys.claimsGroup)
                let published = try await completions.publishLost(before: horizon, limit: Relay.batch) {
                    try await producer.publish($0)
                }
                return (published, published == Relay.batch)
            }
            await step("catalog", connections.cacheOutage) {
                let projected = try await projector.project()
                return (projected, projected == Relay.batch)
            }
            if .now - buriedSince > Relay.buriedInterval {
                buriedSince = .now
                await step("buried sign-ins", connections.redisOutage) {
                    try await signIns.removeRetried { try await events.recorded(among: $0) }
                    return (0, false)
                }
            }
            do { try await Pause.wait(Relay.interval) } catch { return }
        }
    }

    private var keys: StreamKeys { connections.settings.keys }

    private func publish(_ events: [SignInEvent]) async throws {
        _ = try await producer.publish(events)
    }

    /// The time of the oldest entry that a group has not finished, or now: a group that does not exist has nothing to
    /// finish, and what it once had is lost.
    private func horizon(_ stream: String, _ group: String) async throws -> Timestamp {
        let status = try await StreamStatus.read(connections.streams, stream: stream)
        let oldest = status.groups.first { $0.name == group }?.oldestUndone
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
                    Counter(label: "quest_outbox_published_total", dimensions: [("outbox", outbox)])
                        .increment(by: result.published)
                }
            }
        }
    }
}
