import Logging
import Metrics
import Redis
import Runtime
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
        while !Task.isShuttingDownGracefully {
            do {
                for group in groups { try await tidy(group) }
                connections.redisOutage.succeeded("janitor")
                _ = try await revoked.prune()
                connections.postgresOutage.succeeded("janitor")
            } catch let error as RedisError {
                connections.redisOutage.failed(error, of: "janitor")
            } catch {
                connections.postgresOutage.failed(error, of: "janitor")
            }
            do { try await Pause.wait(Janitor.interval) } catch { return }
        }
    }

    private func tidy(_ group: ConsumerGroup) async throws {
        let trimmer = StreamTrimmer(connections.streams)
        var trimmed = 0
        repeat {
            trimmed = try await trimmer.trim(
                stream: group.stream, groups: [group.group], keeping: connections.settings.retention)
            Counter(label: "quest_trimmed_total", dimensions: [("stream", group.stream)]).increment(by: trimmed)
        } while trimmed > 0 && !Task.isShuttingDownGracefully
        let removed = try await group.removeIdleConsumers(idle: Janitor.consumerIdle)
        if !removed.isEmpty {
            connections.logger.info(
                "removed dead consumers", metadata: ["consumers": "\(removed.joined(separator: " "))"])
        }
    }
}
