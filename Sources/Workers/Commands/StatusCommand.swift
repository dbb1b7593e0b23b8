import ArgumentParser
import FoundationEssentials
import Operations
import Runtime

/// Shows how the installation stands.
struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract:
            "Show groups, lag, pending entries, outboxes, dead letters and durability; exit 1 if anything is wrong.",
        discussion: """
            Each ALARM is something that needs a person, with the command that shows it. --json has the verdict as healthy.
            """)

    @Flag(help: "Print one JSON object.")
    var json = false

    func run() async throws {
        await Launch.process {
            let connections = try Connections.fromEnvironment()
            let status = await StatusReader(
                postgres: connections.postgres, streams: connections.streams, keys: connections.settings.keys,
                limits: connections.settings.limits
            ).read()
            if json {
                let encoder = JSONEncoder()
                encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
                print(String(decoding: try encoder.encode(status), as: UTF8.self))
            } else {
                print(StatusText(status).text)
            }
            if !status.isHealthy { throw Unsuccessful() }
        }
    }
}

/// The status as a person reads it.
private struct StatusText {
    let status: SystemStatus

    init(_ status: SystemStatus) {
        self.status = status
    }

    var text: String {
        var lines: [String] = []
        for group in status.groups {
            let oldest = group.oldestSeconds.map { ", oldest \(seconds($0))" } ?? ""
            let state = group.exists ? "" : " (no such group yet)"
            lines.append(
                "\(group.stream) → \(group.group)\(state): lag \(group.lag), pending \(group.pending)\(oldest), \(group.length) kept"
            )
            for consumer in group.consumers {
                lines.append(
                    "  \(consumer.name): pending \(consumer.pending), idle \(seconds(Double(consumer.idleMilliseconds) / 1_000))"
                )
            }
        }
        for outbox in status.outboxes {
            let oldest = outbox.waiting > 0 ? ", oldest \(seconds(outbox.oldestSeconds))" : ""
            lines.append("\(outbox.name): \(outbox.waiting) waiting\(oldest)")
        }
        if let count = status.deadLetters { lines.append("dead letters: \(count)") }
        lines += status.losses.map { "LOST: \($0.text) (loss \($0.id), found \($0.detectedAt))" }
        if let revision = status.catalogRevision { lines.append("catalog revision: \(revision)") }
        if let version = status.schemaVersion { lines.append("schema version: \(version)") }
        lines += status.connections.map {
            "connections: \($0.allowed) allowed (\($0.limit)), \($0.processes) processes may open \($0.pools), others hold \($0.others)"
        }
        lines += status.alarms.map { "ALARM: \($0)" }
        lines += status.durabilityWarnings.map { "WARNING: \($0)" }
        lines += status.connectionWarnings.map { "WARNING: \($0)" }
        lines += status.unreachable.map { "AWAY: \($0)" }
        lines.append(status.isHealthy ? "healthy" : "needs attention")
        return lines.joined(separator: "\n")
    }

    private func seconds(_ value: Double) -> String {
        let tenths = Int64(min(value, 1e12) * 10)
        return "\(tenths / 10).\(tenths % 10) s"
    }
}
