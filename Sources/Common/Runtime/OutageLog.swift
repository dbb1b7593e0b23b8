import Logging
import Synchronization

/// Tells of an outage in two lines, however often the same thing fails in between: one when it begins, one with its
/// length when it ends.
public final class OutageLog: Sendable {
    private struct Outage {
        let since: ContinuousClock.Instant
        var failures = 1
    }

    private let subject: String
    private let logger: Logger
    private let outage = Mutex<Outage?>(nil)

    /// - Parameter subject: what may be away, as it should stand at the beginning of the line: `Redis`, `Postgres`.
    public init(_ subject: String, logger: Logger) {
        self.subject = subject
        self.logger = logger
    }

    public var isOut: Bool { outage.withLock { $0 != nil } }

    /// Records one failure. `reason` is logged, so it must not hold a secret.
    public func failed(_ reason: String) {
        let isFirst = outage.withLock { outage in
            guard outage == nil else {
                outage?.failures += 1
                return false
            }
            outage = Outage(since: .now)
            return true
        }
        if isFirst { logger.warning("\(subject) is away, trying on", metadata: ["reason": "\(reason)"]) }
    }

    public func failed(_ error: any Error) {
        failed("\(error)")
    }

    /// Records a success, which ends the outage if there was one.
    public func succeeded() {
        let ended = outage.withLock { outage in
            defer { outage = nil }
            return outage
        }
        guard let ended else { return }
        logger.notice(
            "\(subject) is back after \(ended.since.duration(to: .now).inWords)",
            metadata: ["failures": "\(ended.failures)"])
    }
}
