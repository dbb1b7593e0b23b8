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

    @Test("What is known of a metric stands above it")
    func help() {
        let registry = MetricsRegistry()
        registry.makeCounter(label: "quest_dead_letters_total", dimensions: [("group", "progress")]).increment(by: 0)
        let timer = registry.makeTimer(label: "quest_event_duration", dimensions: [])
        timer.recordNanoseconds(3_600_000_000_000)
        let text = registry.exposition()
        #expect(
            text.contains(
                """
                # HELP quest_dead_letters_total Entries that became dead letters.
                # TYPE quest_dead_letters_total counter
                quest_dead_letters_total{group="progress"} 0

                """))
        #expect(text.contains(#"quest_event_duration_seconds_bucket{le="300.0"} 0"#))
        #expect(text.contains(#"quest_event_duration_seconds_bucket{le="3600.0"} 1"#))
        for line in text.split(separator: "\n") where line.hasPrefix("# TYPE ") {
            let name = line.split(separator: " ")[2]
            #expect(text.contains("# HELP \(name) "), "\(name)")
        }
    }

    @Test("Every metric that is described ends as its kind should")
    func names() {
        for (name, description) in MetricDescription.all {
            #expect(name.wholeMatch(of: /[a-z][a-z0-9_]*/) != nil, "\(name)")
            #expect(description.help.hasSuffix("."), "\(name)")
            if let bounds = description.bounds {
                #expect(bounds == bounds.sorted() && bounds.count <= 20 && name.hasSuffix("_seconds"), "\(name)")
            }
        }
    }

    @Test("A gauge that nobody knows is absent, and its name with it, until it is set again")
    func unknown() {
        let registry = MetricsRegistry()
        let (one, two) = (
            registry.makeMeter(label: "g", dimensions: [("n", "1")]),
            registry.makeMeter(label: "g", dimensions: [("n", "2")])
        )
        one.set(Double.nan)
        two.set(Int64(2))
        #expect(!registry.exposition().contains("g{n=\"1\"}"))
        #expect(registry.exposition().contains("g{n=\"2\"} 2.0\n"))
        two.set(Double.nan)
        #expect(!registry.exposition().contains("TYPE g "))
        one.set(Int64(0))
        #expect(registry.exposition().contains("g{n=\"1\"} 0.0\n"))
    }

    @Test("What is cheap to ask for is asked before each exposition")
    func looks() {
        let registry = MetricsRegistry()
        let meter = registry.makeMeter(label: "looked", dimensions: [])
        registry.beforeExposition { meter.increment(by: 1) }
        #expect(registry.exposition().contains("looked 1.0\n"))
        #expect(registry.exposition().contains("looked 2.0\n"))
    }
}
