import Domain
import Testing

@Suite("Where an event came from")
struct EventOriginTests {
    @Test("Only a valid trace context is carried on")
    func traceparent() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        let origin = EventOrigin(traceparent: good, requestID: nil)
        #expect(origin.traceparent == good)
        #expect(origin.traceID == "4bf92f3577b34da6a3ce929d0e0e4736")
        for bad in [
            nil, "", "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", good + "0", "01" + good.dropFirst(2),
        ] {
            #expect(EventOrigin(traceparent: bad, requestID: nil) == .unnamed)
        }
    }

    @Test("Only request ids that need no escaping anywhere are carried on")
    func requestID() {
        for good in ["a", "Az-09_", String(repeating: "x", count: 64)] {
            #expect(EventOrigin(traceparent: nil, requestID: good).requestID == good)
        }
        for bad in ["", "a b", "a\"", "a\n", "ä", "a'", "a\\", String(repeating: "x", count: 65)] {
            #expect(EventOrigin(traceparent: nil, requestID: bad) == .unnamed)
        }
    }
}
