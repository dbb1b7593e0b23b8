import Metrics
import Synchronization

/// Keeps every metric of the process and writes them in the Prometheus text format.
///
/// Timers become histograms in seconds, aggregating recorders histograms, meters and other recorders gauges. The number
/// of series is bounded: what would be one too many is counted nowhere, and `questline_metrics_dropped_series` says so.
/// A gauge that is set to NaN is not shown: nobody knows its value now.
public final class MetricsRegistry: MetricsFactory {
    struct Family {
        let kind: String
        var series: [String: any Series] = [:]
    }

    private struct State {
        var families: [String: Family] = [:]
        var count = 0
        var dropped = 0
        var looks: [@Sendable () -> Void] = []
    }

    private let limit: Int
    private let state = Mutex(State())

    public init(seriesLimit: Int = 5_000) {
        limit = seriesLimit
    }

    /// Makes this registry the backend of swift-metrics. To be called once in a process, before the first metric is made.
    public func start() {
        _ = ProcessFigures.started
        MetricsSystem.bootstrap(self)
    }

    /// Has `look` called before every exposition, to set what is cheaper to ask for than to follow.
    public func beforeExposition(_ look: @escaping @Sendable () -> Void) {
        state.withLock { $0.looks.append(look) }
    }

    /// Everything there is, in the text exposition format 0.0.4, families sorted by name.
    public func exposition() -> String {
        for look in state.withLock({ $0.looks }) { look() }
        let (families, dropped) = state.withLock { ($0.families, $0.dropped) }
        var text = ""
        for (name, family) in families.sorted(by: { $0.key < $1.key }) {
            var lines = ""
            for (labels, series) in family.series.sorted(by: { $0.key < $1.key }) {
                series.write(name: name, labels: labels, to: &lines)
            }
            if !lines.isEmpty { text += MetricDescription.header(name, family.kind) + lines }
        }
        text += MetricDescription.header("questline_metrics_dropped_series", "gauge")
        text += "questline_metrics_dropped_series \(dropped)\n"
        return text + ProcessFigures.exposition()
    }

    public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        series(MetricText.name(label, suffix: "_total"), "counter", dimensions) { CounterSeries() }
    }

    public func makeFloatingPointCounter(
        label: String, dimensions: [(String, String)]
    ) -> any FloatingPointCounterHandler {
        series(MetricText.name(label, suffix: "_total"), "counter", dimensions) { FloatingPointCounterSeries() }
    }

    public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        series(MetricText.name(label), "gauge", dimensions) { GaugeSeries() }
    }

    public func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        if aggregate {
            return histogram(MetricText.name(label), dimensions, HistogramSeries.sizes)
        }
        return series(MetricText.name(label), "gauge", dimensions) { GaugeSeries() }
    }

    public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        histogram(MetricText.name(label, suffix: "_seconds"), dimensions, HistogramSeries.durations)
    }

    private func histogram(_ name: String, _ dimensions: [(String, String)], _ usual: [Double]) -> HistogramSeries {
        series(name, "histogram", dimensions) { HistogramSeries(MetricDescription.all[name]?.bounds ?? usual) }
    }

    // A series lives as long as the process: a handler that is dropped and made again goes on counting where it was.
    public func destroyCounter(_ handler: any CounterHandler) {}
    public func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {}
    public func destroyMeter(_ handler: any MeterHandler) {}
    public func destroyRecorder(_ handler: any RecorderHandler) {}
    public func destroyTimer(_ handler: any TimerHandler) {}

    private func series<Kept: Series>(
        _ name: String, _ kind: String, _ dimensions: [(String, String)], make: () -> Kept
    ) -> Kept {
        let labels = MetricText.labels(dimensions)
        return state.withLock { state in
            if let kept = state.families[name]?.series[labels] as? Kept { return kept }
            let new = make()
            let family = state.families[name] ?? Family(kind: kind)
            guard state.count < limit, family.kind == kind, family.series[labels] == nil else {
                state.dropped += 1
                return new
            }
            state.families[name, default: family].series[labels] = new
            state.count += 1
            return new
        }
    }
}

/// Names and labels as Prometheus wants them.
enum MetricText {
    static func name(_ label: String, suffix: String = "") -> String {
        var name = String(label.unicodeScalars.map { isAllowed($0) ? Character($0) : "_" })
        if name.unicodeScalars.first.map({ ("0"..."9").contains($0) }) ?? true { name = "_" + name }
        return name.hasSuffix(suffix) ? name : name + suffix
    }

    /// `a="1",b="2"`, sorted, without the braces.
    static func labels(_ dimensions: [(String, String)]) -> String {
        dimensions.sorted { $0.0 < $1.0 }
            .map { "\(name($0.0))=\"\(escaped($0.1))\"" }
            .joined(separator: ",")
    }

    private static func isAllowed(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "a"..."z", "A"..."Z", "0"..."9", "_": true
        default: false
        }
    }

    private static func escaped(_ value: String) -> String {
        var text = ""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\\": text += "\\\\"
            case "\"": text += "\\\""
            case "\n": text += "\\n"
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text
    }
}
