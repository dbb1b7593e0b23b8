import Metrics
import Synchronization

/// Whether a store may take more, from a count that is a few seconds old and what this front has added since.
final class LoadGauge: Sendable {
    private struct State {
        var count: Int64 = 0
        /// Admitted and on the way: no count need have seen it, however long it takes.
        var underway: Int64 = 0
        /// Arrived since the last count began, which may have missed it.
        var arrived: Int64 = 0
        /// Arrived before the count that is under way began, and after the one before.
        var arrivedBefore: Int64 = 0
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
            let known = state.count + state.underway + state.arrived + state.arrivedBefore
            guard known + Int64(count) <= limit else { return false }
            state.underway += Int64(count)
            return true
        }
    }

    /// What was admitted has arrived, or may have.
    func arrived(_ count: Int) {
        state.withLock { state in
            state.underway -= Int64(count)
            state.arrived += Int64(count)
        }
    }

    /// What was admitted has come to nothing.
    func withdraw(_ count: Int) {
        state.withLock { $0.underway -= Int64(count) }
    }

    /// To be called before the store is asked: what has arrived by now is in its answer. Counts follow one another.
    func counting() {
        state.withLock { state in
            state.arrivedBefore += state.arrived
            state.arrived = 0
        }
    }

    /// The answer of the store.
    func counted(_ count: Int64) {
        meter.set(count)
        state.withLock { $0 = State(count: count, underway: $0.underway, arrived: $0.arrived) }
    }
}
