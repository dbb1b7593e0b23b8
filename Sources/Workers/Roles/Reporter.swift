import Domain
import Metrics
import Postgres
import Runtime
import ServiceLifecycle
import Storage

/// Asks Postgres how much waits there and shows it. One process of all does, so that further workers cost nothing; another
/// one begins when it has not been heard of for `hold` seconds.
struct Reporter: Service {
    static let interval = Duration.seconds(5)
    static let hold: Int64 = 30
    /// A figure that takes long to find is asked for less often: at most this part of the time goes into it.
    static let share = 0.02
    static let longestPauseAfterFailure = Duration.seconds(60)

    private static let duty = "figures"

    /// One question and the gauges that show its answer.
    private struct Figure: Sendable {
        let gauges: [Meter]
        /// The values, in the order of the gauges.
        let ask: @Sendable () async throws -> [Double]

        func hide() { for gauge in gauges { gauge.set(Double.nan) } }
    }

    private let connections: Connections
    private let duties: Duties
    private let holder: String
    private let figures: [Figure]
    private let outage: OutageLog

    /// - Parameter holder: the name of this process among all.
    init(_ connections: Connections, holder: String) {
        let postgres = connections.postgres
        self.connections = connections
        self.holder = holder
        duties = Duties(postgres)
        outage = OutageLog(
            "A figure for the metrics", beginning: "is not found", end: "is found again after",
            logger: connections.logger)
        let outboxes: [(String, @Sendable () async throws -> Backlog)] = [
            ("sign-ins", { try await SignInOutbox(postgres).backlog() }),
            ("completions", { try await CompletionOutbox(postgres).backlog() }),
            ("catalog", { try await CatalogOutbox(postgres).backlog() }),
        ]
        figures =
            outboxes.map { outbox, backlog in
                Figure(
                    gauges: ["quest_outbox_backlog", "quest_outbox_oldest_seconds"].map {
                        Meter(label: $0, dimensions: [("outbox", outbox)])
                    }
                ) {
                    let found = try await backlog()
                    return [Double(found.count), found.oldestSeconds]
                }
            } + [
                Figure(
                    gauges: RewardItem.allCases.map {
                        Meter(label: "quest_unclaimed_rewards", dimensions: [("item", $0.rawValue)])
                    }
                ) {
                    let unclaimed = try await Claims(postgres).unclaimed()
                    return RewardItem.allCases.map { Double(unclaimed[$0] ?? 0) }
                },
                Figure(gauges: [Meter(label: "quest_losses")]) { [Double(try await Losses(postgres).count())] },
            ]
    }

    func run() async throws {
        var due = figures.map { _ in ContinuousClock.now }
        var rounds = Rounds(every: Reporter.interval)
        for figure in figures { figure.hide() }
        while !Task.isShuttingDownGracefully {
            var isOurs = false
            let succeeded = await connections.attempt("figures") {
                isOurs = try await duties.take(Reporter.duty, for: Reporter.hold, as: holder)
            }
            for (place, figure) in figures.enumerated() {
                if !isOurs {
                    figure.hide()
                    due[place] = .now
                } else if due[place] <= .now {
                    due[place] = await find(figure, place)
                }
            }
            do { try await rounds.wait(after: succeeded) } catch { break }
        }
        try? await duties.release(Reporter.duty, of: holder)
    }

    /// - Returns: when to ask again.
    private func find(_ figure: Figure, _ place: Int) async -> ContinuousClock.Instant {
        let began = ContinuousClock.now
        var isFound = true
        do {
            let values = try await figure.ask()
            for (gauge, value) in zip(figure.gauges, values) { gauge.set(value) }
            outage.succeeded("\(place)")
        } catch {
            // It may be only this one that takes too long.
            figure.hide()
            isFound = false
            if !Task.isCancelled { outage.failed(error, of: "\(place)") }
        }
        let now = ContinuousClock.now
        let pause = (now - began) / Reporter.share
        return now + (isFound ? pause : min(pause, Reporter.longestPauseAfterFailure))
    }
}
