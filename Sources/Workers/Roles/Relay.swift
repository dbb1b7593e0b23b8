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
        var pause = Pause()
        while !Task.isShuttingDownGracefully {
            do {
                try await step("sign-ins") {
                    try await signIns.publishDue(limit: Relay.batch) { try await producer.publish($0) }
                }
                try await step("completions") {
                    try await completions.publishDue(limit: Relay.batch) { try await producer.publish($0) }
                }
                try await step("catalog") { try await projector.project() }
                pause.reset()
                do { try await Pause.wait(Relay.interval) } catch { return }
            } catch is CancellationError {
                return
            } catch {
                connections.report(error)
                do { try await pause.wait() } catch { return }
            }
        }
    }

    /// Goes on as long as whole batches are found.
    private func step(_ outbox: String, _ publish: () async throws -> Int) async throws {
        var published = 0
        repeat {
            published = try await publish()
            if published > 0 {
                Counter(label: "quest_outbox_published_total", dimensions: [("outbox", outbox)]).increment(
                    by: published)
            }
        } while published == Relay.batch && !Task.isShuttingDownGracefully
    }
}

extension Connections {
    /// Counts a failure of a loop as part of an outage.
    func report(_ error: any Error) {
        switch error {
        case let error as RedisError: redisOutage.failed(error)
        default: postgresOutage.failed(error)
        }
    }
}
