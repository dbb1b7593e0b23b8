import Metrics
import Synchronization

/// One line, or for a histogram one group of lines, of the exposition.
protocol Series: AnyObject, Sendable {
    /// - Parameter labels: without braces, possibly empty.
    func write(name: String, labels: String, to text: inout String)
}

extension Series {
    func line(_ name: String, _ labels: String, _ value: some CustomStringConvertible, to text: inout String) {
        text += labels.isEmpty ? "\(name) \(value)\n" : "\(name){\(labels)} \(value)\n"
    }
}

final class CounterSeries: CounterHandler, Series {
    private let value = Atomic<Int64>(0)

    func increment(by amount: Int64) { value.wrappingAdd(amount, ordering: .relaxed) }
    func reset() { value.store(0, ordering: .relaxed) }

    func write(name: String, labels: String, to text: inout String) {
        line(name, labels, value.load(ordering: .relaxed), to: &text)
    }
}

final class FloatingPointCounterSeries: FloatingPointCounterHandler, Series {
    private let value = Mutex(0.0)

    func increment(by amount: Double) { value.withLock { $0 += amount } }
    func reset() { value.withLock { $0 = 0 } }

    func write(name: String, labels: String, to text: inout String) {
        line(name, labels, value.withLock { $0 }, to: &text)
    }
}

final class GaugeSeries: MeterHandler, RecorderHandler, Series {
    private let value = Mutex(0.0)

    func set(_ new: Int64) { set(Double(new)) }
    func set(_ new: Double) { value.withLock { $0 = new } }
    func increment(by amount: Double) { value.withLock { $0 += amount } }
    func decrement(by amount: Double) { value.withLock { $0 -= amount } }
    func record(_ new: Int64) { set(new) }
    func record(_ new: Double) { set(new) }

    func write(name: String, labels: String, to text: inout String) {
        let value = value.withLock { $0 }
        if !value.isNaN { line(name, labels, value, to: &text) }
    }
}

final class HistogramSeries: TimerHandler, RecorderHandler, Series {
    /// Seconds.
    static let durations = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
    static let sizes = [1.0, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000]

    private struct State {
        var counts: [Int]
        var count = 0
        var sum = 0.0
    }

    private let bounds: [Double]
    private let state: Mutex<State>

    init(_ bounds: [Double]) {
        self.bounds = bounds
        state = Mutex(State(counts: Array(repeating: 0, count: bounds.count)))
    }

    func recordNanoseconds(_ nanoseconds: Int64) { record(Double(nanoseconds) / 1_000_000_000) }
    func record(_ value: Int64) { record(Double(value)) }

    func record(_ value: Double) {
        let bucket = bounds.firstIndex { value <= $0 }
        state.withLock { state in
            if let bucket { state.counts[bucket] += 1 }
            state.count += 1
            state.sum += value
        }
    }

    func write(name: String, labels: String, to text: inout String) {
        let (counts, count, sum) = state.withLock { ($0.counts, $0.count, $0.sum) }
        let prefix = labels.isEmpty ? "" : labels + ","
        var below = 0
        for (bound, inBucket) in zip(bounds, counts) {
            below += inBucket
            line("\(name)_bucket", "\(prefix)le=\"\(bound)\"", below, to: &text)
        }
        line("\(name)_bucket", "\(prefix)le=\"+Inf\"", count, to: &text)
        line("\(name)_sum", labels, sum, to: &text)
        line("\(name)_count", labels, count, to: &text)
    }
}
