import CoreMetrics
import Testing

@testable import Runtime

@Suite("Metrics")
struct MetricsTests {
    @Test("Counters, gauges and histograms in the text format, names and labels made valid")
    func exposition() {
        let registry = MetricsRegistry()
        registry.makeCounter(label: "http.requests", dimensions: [("route", "/a\"b\\c\n"), ("code", "200")])
            .increment(by: 3)
        registry.makeMeter(label: "queue", dimensions: []).set(Double(2.5))
        let timer = registry.makeTimer(label: "hash", dimensions: [])
        timer.recordNanoseconds(20_000_000)
        timer.recordNanoseconds(30_000_000_000)
        let lines = Set(registry.exposition().split(separator: "\n").map(String.init))
        for line in [
            "# TYPE http_requests_total counter", #"http_requests_total{code="200",route="/a\"b\\c\n"} 3"#,
            "# TYPE queue gauge", "queue 2.5", "# TYPE hash_seconds histogram", #"hash_seconds_bucket{le="0.01"} 0"#,
            #"hash_seconds_bucket{le="0.025"} 1"#, #"hash_seconds_bucket{le="10.0"} 1"#,
            #"hash_seconds_bucket{le="+Inf"} 2"#, "hash_seconds_sum 30.02", "hash_seconds_count 2",
        ] {
            #expect(lines.contains(line), "\(line)")
        }
    }

    @Test("The same name and labels are the same series, in any order")
    func identity() {
        let registry = MetricsRegistry()
        registry.makeCounter(label: "c", dimensions: [("a", "1"), ("b", "2")]).increment(by: 1)
        registry.makeCounter(label: "c", dimensions: [("b", "2"), ("a", "1")]).increment(by: 1)
        #expect(registry.exposition().contains(#"c_total{a="1",b="2"} 2"#))
    }

    @Test("The number of series is bounded, and what was dropped is told")
    func bound() {
        let registry = MetricsRegistry(seriesLimit: 3)
        for index in 0..<10 {
            registry.makeCounter(label: "c", dimensions: [("i", String(index))]).increment(by: 1)
        }
        let text = registry.exposition()
        #expect(text.split(separator: "\n").filter { $0.hasPrefix("c_total{") }.count == 3)
        #expect(text.contains("questline_metrics_dropped_series 7"))
        #expect(text.contains("process_resident_memory_bytes"))
    }
}
