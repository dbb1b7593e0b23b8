import Metrics
import Storage
import Synchronization

/// Whether the outbox may take more, from a count that is a few seconds old and what this front has added since.
final class OutboxGauge: Sendable {
    private struct State {
        var rows: Int64 = 0
        /// Admitted since the last count, and between that and the one before: a count may miss rows that were admitted
        /// before it and committed after it.
        var added: Int64 = 0
        var addedBefore: Int64 = 0
    }

    private let limit: Int64
    private let state = Mutex(State())
    private let meter = Meter(label: "quest_outbox_rows")

    init(limit: Int64 = SignInOutbox.defaultLimit) {
        self.limit = limit
    }

    func admits(_ count: Int) -> Bool {
        state.withLock { state in
            guard state.rows + state.added + state.addedBefore + Int64(count) <= limit else { return false }
            state.added += Int64(count)
            return true
        }
    }

    func counted(_ rows: Int64) {
        meter.set(rows)
        state.withLock { $0 = State(rows: rows, addedBefore: $0.added) }
    }
}
