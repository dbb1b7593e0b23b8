import Logging
import Metrics
import Redis
import Runtime
import ServiceLifecycle
import Streams
import Synchronization

/// Looks at the streams once a second: how much waits there, what is recorded, and whether they have forgotten anything.
/// What they have is published again.
final class StreamWatch: Service {
    static let interval = Duration.seconds(1)

    private let redis: RedisClient
    private let keys: StreamKeys
    let intake: Intake
    let activity = Activity()
    private let logger: Logger
    private let estimate = Mutex(BacklogEstimate())
    private let repeated = Counter(label: "quest_published_again_total")

    init(redis: RedisClient, keys: StreamKeys, intake: Intake, logger: Logger) {
        self.redis = redis
        self.keys = keys
        self.intake = intake
        self.logger = logger
    }

    func run() async throws {
        repeat { await look() } while await pause()
        // No request is left: a loss since the last look would be nobody's any more.
        if !Task.isCancelled { await look() }
    }

    /// - Returns: false when the process is to stop.
    private func pause() async -> Bool {
        do {
            try await cancelWhenGracefulShutdown { try await Task.sleep(for: StreamWatch.interval) }
            return !Task.isShuttingDownGracefully
        } catch {
            return false
        }
    }

    /// One look; it takes no longer than a sign-in may wait for the stream.
    func look() async {
        let newest = intake.recall.newest
        intake.backlog.counting()
        do {
            let survey = try await withDeadline(intake.patience) { [redis, keys] in
                try await StreamSurvey.take(redis, keys: keys)
            }
            intake.outage.succeeded()
            activity.learn(survey)
            intake.backlog.counted(estimate.withLock { $0.learn(survey.signIns) })
            let found = intake.recall.learn(survey, newest: newest)
            await publishAgain(because: found)
        } catch {
            intake.backlog.unknown()
            if !Task.isCancelled { intake.outage.failed(error) }
            // What is owed need not wait for Redis: the outbox may take it.
            await publishAgain(because: nil)
        }
    }

    private func publishAgain(because found: StreamSurvey.Break?) async {
        var done = 0
        while !Task.isCancelled {
            let events = intake.recall.takeOwed(Producer.batchLimit)
            guard !events.isEmpty else { break }
            guard await intake.acceptAgain(events) else {
                // Neither takes it now; the next look tries again.
                intake.recall.putBack(events)
                break
            }
            done += events.count
        }
        guard done > 0 else { return }
        repeated.increment(by: done)
        logger.warning(
            "published sign-ins again that may be lost",
            metadata: ["events": "\(done)", "because": "\(found?.rawValue ?? "it was not done before")"])
    }
}
