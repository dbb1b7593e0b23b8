import Logging
import Synchronization

/// Tells of an outage in two lines, however often the same thing fails in between: one when it begins, one with its
/// length when it ends.
///
/// Several loops may share one: the outage begins with the first of them that fails and ends when none is failing, so a
/// loop that fares well does not end the outage of another.
public final class OutageLog: Sendable {
    private struct Outage {
        let since: ContinuousClock.Instant
        var failures = 0
        var failing: Set<String> = []
    }

    private let subject: String
    private let beginning: String
    private let end: String
    private let logger: Logger
    private let outage = Mutex<Outage?>(nil)

    /// - Parameters:
    ///   - subject: what may be away, as it should stand at the beginning of the line: `Redis`, `Postgres`.
    ///   - beginning: what is said of it when the outage begins.
    ///   - end: what is said of it when the outage ends; its length follows.
    public init(
        _ subject: String, beginning: String = "is away, trying on", end: String = "is back after", logger: Logger
    ) {
        self.subject = subject
        self.beginning = beginning
        self.end = end
        self.logger = logger
    }

    public var isOut: Bool { outage.withLock { $0 != nil } }

    /// Records one failure of `party`. `reason` is logged, so it must not hold a secret.
    public func failed(_ reason: String, of party: String = "") {
        let isFirst = outage.withLock { outage in
            let isFirst = outage == nil
            var present = outage ?? Outage(since: .now)
            present.failures += 1
            present.failing.insert(party)
            outage = present
            return isFirst
        }
        if isFirst { logger.warning("\(subject) \(beginning)", metadata: ["reason": "\(reason)"]) }
    }

    public func failed(_ error: any Error, of party: String = "") {
        failed("\(error)", of: party)
    }

    /// Records a success of `party`, which ends the outage if no other party is failing.
    public func succeeded(_ party: String = "") {
        let ended: Outage? = outage.withLock { present in
            guard var outage = present else { return nil }
            outage.failing.remove(party)
            guard outage.failing.isEmpty else {
                present = outage
                return nil
            }
            present = nil
            return outage
        }
        guard let ended else { return }
        logger.notice(
            "\(subject) \(end) \(ended.since.duration(to: .now).inWords)",
            metadata: ["failures": "\(ended.failures)"])
    }
}
