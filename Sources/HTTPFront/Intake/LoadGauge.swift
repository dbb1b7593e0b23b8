import Metrics
import Synchronization

/// Whether a store may take more, from a count that is a few seconds old and what this front has added since.
final class LoadGauge: Sendable {
    private struct State {
        var count: Int64 = 0
        /// Admitted since the last count, and between that and the one before: a count may miss what was admitted before
        /// it and arrived after it.
        var added: Int64 = 0
        var addedBefore: Int64 = 0
    }

    private let limit: Int64
    private let state = Mutex(State())
    private let meter: Meter

    /// - Parameter name: of the metric that shows the count.
    init(_ name: String, limit: Int64) {
        self.limit = limit
        meter = Meter(label: name)
        unknown()
    }

    /// The store could not be asked: admission goes by what was counted before, but nobody is shown that any more.
    func unknown() {
        meter.set(Double.nan)
    }

    func admits(_ count: Int) -> Bool {
        state.withLock { state in
            guard state.count + state.added + state.addedBefore + Int64(count) <= limit else { return false }
            state.added += Int64(count)
            return true
        }
    }

    /// Takes an admission back: it came to nothing.
    func withdraw(_ count: Int) {
        // A count may have come in between; what it carried over expires with the next one.
        state.withLock { $0.added = max(0, $0.added - Int64(count)) }
    }

    func counted(_ count: Int64) {
        meter.set(count)
        state.withLock { $0 = State(count: count, addedBefore: $0.added) }
    }
}
