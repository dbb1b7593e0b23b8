import Catalog
import Domain
import Metrics
import Postgres
import Redis
import Runtime
import ServiceLifecycle
import Storage
import Streams

/// Publishes what waits in the outboxes: sign-ins that Redis could not take, completions without a claim, changes of the
/// catalog.
struct Relay: Service {
    static let interval = Duration.milliseconds(500)
    private static let batch = 1_000

    let connections: Connections
    let signIns: SignInOutbox
    let completions: CompletionOutbox
    let projector: Projector
    let producer: Producer

    func run() async throws {
        while !Task.isShuttingDownGracefully {
            // Each by itself: one that cannot go on must not hold the others up.
            await step("sign-ins", connections.redisOutage) {
                try await signIns.publishDue(limit: Relay.batch) { try await producer.publish($0) }
            }
            await step("completions", connections.redisOutage) {
                let horizon = try await completionHorizon()
                return try await completions.publishLost(before: horizon, limit: Relay.batch) {
                    try await producer.publish($0)
                }
            }
            await step("catalog", connections.cacheOutage) { try await projector.project() }
            do { try await Pause.wait(Relay.interval) } catch { return }
        }
    }

    /// The time of the oldest completion that the claims group has not finished, or now: a group that does not exist has
    /// nothing to finish, and what it once had is lost.
    private func completionHorizon() async throws -> Timestamp {
        let status = try await StreamStatus.read(connections.streams, stream: connections.settings.keys.completions)
        let oldest = status.groups.first { $0.name == StreamKeys.claimsGroup }?.oldestUndone
        return oldest.map { Timestamp(milliseconds: Int64(clamping: $0.milliseconds)) } ?? .now
    }

    /// Goes on as long as whole batches are found.
    private func step(_ outbox: String, _ redis: OutageLog, _ publish: () async throws -> Int) async {
        let party = "relay of \(outbox)"
        do {
            var published = 0
            repeat {
                published = try await publish()
                if published > 0 {
                    Counter(label: "quest_outbox_published_total", dimensions: [("outbox", outbox)])
                        .increment(by: published)
                }
            } while published == Relay.batch && !Task.isShuttingDownGracefully
            redis.succeeded(party)
            connections.postgresOutage.succeeded(party)
        } catch let error as RedisError {
            redis.failed(error, of: party)
        } catch {
            connections.postgresOutage.failed(error, of: party)
        }
    }
}
