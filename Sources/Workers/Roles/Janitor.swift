import Logging
import Metrics
import Operations
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
        var overridden: [String: Set<String>] = [:]
        while !Task.isShuttingDownGracefully {
            do {
                for group in groups {
                    let names = try await trim(group)
                    tell(names.subtracting(overridden[group.stream] ?? []), of: group.stream)
                    overridden[group.stream, default: []].formUnion(names)
                    try await removeConsumers(group)
                }
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

    /// - Returns: other people's groups that were overridden.
    private func trim(_ group: ConsumerGroup) async throws -> Set<String> {
        let trimmer = StreamTrimmer(connections.streams)
        var overridden: Set<String> = []
        while !Task.isShuttingDownGracefully {
            let trimmed = try await trimmer.trim(
                stream: group.stream, groups: [group.group], keeping: connections.settings.retention,
                most: connections.settings.limits.retainedEntries)
            overridden.formUnion(trimmed.overridden)
            guard trimmed.count > 0 else { break }
            Counter(label: "quest_trimmed_total", dimensions: [("stream", group.stream)]).increment(by: trimmed.count)
        }
        return overridden
    }

    private func tell(_ names: Set<String>, of stream: String) {
        guard !names.isEmpty else { return }
        connections.logger.error(
            "entries were trimmed that these groups have not acknowledged: the stream was too long",
            metadata: [
                "stream": "\(stream)", "groups": "\(names.sorted().joined(separator: " "))",
                "most": "\(connections.settings.limits.retainedEntries)",
            ])
    }

    private func removeConsumers(_ group: ConsumerGroup) async throws {
        let removed = try await group.removeIdleConsumers(idle: Janitor.consumerIdle)
        guard !removed.isEmpty else { return }
        connections.logger.info(
            "removed dead consumers", metadata: ["consumers": "\(removed.joined(separator: " "))"])
    }
}
