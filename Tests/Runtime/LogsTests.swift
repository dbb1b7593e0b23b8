import Foundation
import Logging
import Synchronization
import Testing

@testable import Runtime

/// Keeps what would have been written.
final class Lines: Sendable {
    private let kept = Mutex<[String]>([])
    var all: [String] { kept.withLock { $0 } }

    func logger(_ format: LogFormat, level: Logger.Level = .trace) -> Logger {
        Logger(label: "test") { label in
            LineHandler(label: label, level: level, format: format) { line in
                self.kept.withLock { $0.append(line) }
            }
        }
    }
}

@Suite("Log lines")
struct LogsTests {
    @Test("Each line of JSON is one object, whatever is in it")
    func json() throws {
        let lines = Lines()
        var logger = lines.logger(.json)
        logger[metadataKey: "request_id"] = "r-1"
        logger.warning(
            "quote \" backslash \\ line\nend \u{1} ä",
            metadata: ["list": ["a", "b"], "fields": ["x": "1"], "odd\"": "\t"])
        #expect(lines.all.count == 1)
        let line = try #require(lines.all.first)
        #expect(line.hasSuffix("}\n") && line.dropLast().contains("\n") == false)
        let object = try #require(
            try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
        #expect(object["message"] as? String == "quote \" backslash \\ line\nend \u{1} ä")
        #expect(object["level"] as? String == "warning")
        #expect(object["request_id"] as? String == "r-1")
        #expect(object["list"] as? [String] == ["a", "b"])
        #expect(object["fields"] as? [String: String] == ["x": "1"])
        let time = try #require(object["time"] as? String)
        #expect(time.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/) != nil)
    }

    @Test("Text stays on one line, and foreign text cannot steer a terminal")
    func text() {
        let lines = Lines()
        lines.logger(.text).info("one\ntwo\u{1b}[31m", metadata: ["b": "2", "a": "1"])
        #expect(lines.all.count == 1)
        #expect(lines.all.first?.hasSuffix("info     one two [31m a=1 b=2\n") == true)
    }

    @Test("An outage is two lines, however often it fails, and success alone is none")
    func outage() {
        let lines = Lines()
        let outage = OutageLog("Redis", logger: lines.logger(.text))
        outage.succeeded()
        #expect(lines.all.isEmpty)
        for _ in 0..<100 { outage.failed("refused") }
        #expect(outage.isOut)
        #expect(lines.all.count == 1)
        outage.succeeded()
        outage.succeeded()
        #expect(!outage.isOut)
        #expect(lines.all.count == 2)
        #expect(lines.all.last?.contains("Redis is back after") == true)
        #expect(lines.all.last?.contains("failures=100") == true)
    }

    @Test(
        "Lengths in words",
        arguments: [
            (Duration.milliseconds(340), "340 ms"), (.milliseconds(12_345), "12.3 s"), (.seconds(250), "4 min 10 s"),
            (.seconds(7_500), "2 h 5 min"),
        ])
    func words(_ duration: Duration, _ text: String) {
        #expect(duration.inWords == text)
    }
}
