import Logging
import Runtime
import Synchronization
import Testing

@Suite("The log of an outage")
struct OutageLogTests {
    private final class Lines: Sendable {
        private let lines = Mutex<[String]>([])
        var all: [String] { lines.withLock { $0 } }

        func add(_ line: String) { lines.withLock { $0.append(line) } }

        var logger: Logger {
            Logger(label: "test") { _ in
                LineHandler(label: "test", level: .trace, format: .text, write: { self.add($0) })
            }
        }
    }

    @Test("Says once that it began and once that it ended")
    func twoLines() {
        let lines = Lines()
        let outage = OutageLog("Redis", logger: lines.logger)
        for _ in 0..<100 { outage.failed("refused") }
        #expect(outage.isOut)
        outage.succeeded()
        outage.succeeded()
        #expect(!outage.isOut)
        #expect(lines.all.count == 2)
        #expect(lines.all.first?.contains("Redis is away") == true)
        #expect(lines.all.last?.contains("Redis is back") == true)
    }

    @Test("One loop that fares well does not end the outage of another")
    func parties() {
        let lines = Lines()
        let outage = OutageLog("Postgres", logger: lines.logger)
        for _ in 0..<10 {
            outage.failed("gone", of: "progress")
            outage.succeeded("claims")
        }
        #expect(outage.isOut)
        #expect(lines.all.count == 1)
        outage.succeeded("progress")
        #expect(!outage.isOut)
        #expect(lines.all.count == 2)
    }
}
