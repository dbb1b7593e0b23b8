import Logging
import Metrics
import Redis
import ServiceLifecycle
import Storage
import Streams

/// Trims the streams behind what every group has acknowledged, and removes dead consumers and expired tokens.
struct Janitor: Service {
    static let interval = Duration.seconds(5)
    /// A consumer that holds nothing and was not heard of for so long is gone.
    static let consumerIdle = Duration.seconds(600)

    let connections: Connections
    let groups: [ConsumerGroup]
    let revoked: RevokedTokens

    func run() async throws {
        var pause = Pause()
        while !Task.isShuttingDownGracefully {
            do {
                for group in groups { try await tidy(group) }
                _ = try await revoked.prune()
                pause.reset()
                do { try await Pause.wait(Janitor.interval) } catch { return }
            } catch is CancellationError {
                return
            } catch {
                connections.report(error)
                do { try await pause.wait() } catch { return }
            }
        }
    }

    private func tidy(_ group: ConsumerGroup) async throws {
        let trimmed = try await StreamTrimmer(connections.streams).trim(
            stream: group.stream, groups: [group.group], keeping: connections.settings.retention)
        if trimmed > 0 {
            Counter(label: "quest_trimmed_total", dimensions: [("stream", group.stream)]).increment(by: trimmed)
        }
        let removed = try await group.removeIdleConsumers(idle: Janitor.consumerIdle)
        if !removed.isEmpty {
            connections.logger.info(
                "removed dead consumers", metadata: ["consumers": "\(removed.joined(separator: " "))"])
        }
    }
}
