import Logging
import Metrics
import Operations
import Postgres
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
    let losses: Losses

    func run() async throws {
        let trimmed = Dictionary(
            uniqueKeysWithValues: groups.map { group in
                (group.stream, Counter(label: "quest_trimmed_total", dimensions: [("stream", group.stream)]))
            })
        var rounds = Rounds(every: Janitor.interval)
        while !Task.isShuttingDownGracefully {
            // Each by itself: one that is away must not hold the other's work up.
            let tidied = await connections.attempt("janitor of the streams") {
                for group in groups {
                    try await trim(group, counting: trimmed[group.stream])
                    try await removeConsumers(group)
                }
            }
            let pruned = await connections.attempt("janitor of the database") {
                _ = try await revoked.prune()
                // Who skips locked rows never meets the session that holds them.
                try await connections.postgres.endStalledTransactions()
            }
            do { try await rounds.wait(after: tidied && pruned) } catch { return }
        }
    }

    private func trim(_ group: ConsumerGroup, counting counter: Counter?) async throws {
        let trimmer = StreamTrimmer(connections.streams)
        while !Task.isShuttingDownGracefully {
            let trimmed = try await trimmer.trim(
                stream: group.stream, groups: [group.group], keeping: connections.settings.retention,
                most: connections.settings.limits.retainedEntries)
            counter?.increment(by: trimmed.count)
            for name in trimmed.overridden { await tell(of: name, on: group.stream) }
            guard trimmed.count > 0 else { return }
        }
    }

    /// Names somebody else's group that was too slow.
    private func tell(of name: String, on stream: String) async {
        let most = connections.settings.limits.retainedEntries
        // When it cannot be noted it is logged all the same: what is trimmed is not met again.
        let isKnown =
            (try? await losses.note(
                "the group \(name) had not acknowledged what was trimmed beyond \(most) entries", of: stream)) == false
        guard !isKnown else { return }
        connections.logger.error(
            "entries were trimmed that a group has not acknowledged: the stream was too long",
            metadata: ["stream": "\(stream)", "group": "\(name)", "most": "\(most)"])
    }

    private func removeConsumers(_ group: ConsumerGroup) async throws {
        let removed = try await group.removeIdleConsumers(idle: Janitor.consumerIdle)
        guard !removed.isEmpty else { return }
        connections.logger.info(
            "removed dead consumers", metadata: ["consumers": "\(removed.joined(separator: " "))"])
    }
}
