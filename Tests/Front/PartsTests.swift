import Domain
import HTTPTypes
import Hummingbird
import Runtime
import Testing

@testable import HTTPFront

@Suite("Parts of requests")
struct PartsTests {
    @Test("A cursor is read by its own list only")
    func cursors() {
        let cursor = Cursor(list: "claims", parts: ["2026-11-23T08:00:00.000Z", "ä/+"])
        #expect(Cursor(cursor.text, list: "claims") == cursor)
        #expect(Cursor(cursor.text, list: "events") == nil)
        #expect(cursor.text.utf8.allSatisfy { $0 != 0x2b && $0 != 0x2f && $0 != 0x3d })
        for bad in ["", "x", "%00", "bnVsbA", "WyJjbGFpbXMiLCJcdTAwMDAiXQ", String(repeating: "A", count: 4_000)] {
            #expect(Cursor(bad, list: "claims") == nil)
        }
    }

    @Test("Forms are read as browsers write them")
    func forms() throws {
        let form = try #require(FormFields(Array("username=a+b%20%C3%A4&password=%26%3D%2B&x&y=&username=c".utf8)))
        #expect(form["username"] == "a b ä")
        #expect(form["password"] == "&=+")
        #expect(form["x"] == "")
        #expect(form["y"] == "")
        #expect(form["z"] == nil)
        #expect(form.isRepeated("username"))
        #expect(FormFields(Array("a=%ff".utf8)) == nil)
        #expect(FormFields(Array("a=%4".utf8))?["a"] == "%4")
        #expect(FormFields([])?["a"] == nil)
    }

    @Test("After a failure one caller tries again at a time")
    func breaker() {
        let breaker = Breaker()
        let now = ContinuousClock.now
        #expect(breaker.allows(at: now))
        breaker.failed(at: now)
        #expect(!breaker.allows(at: now + .milliseconds(100)))
        #expect(breaker.allows(at: now + .milliseconds(251)))
        #expect(!breaker.allows(at: now + .milliseconds(252)))
        breaker.succeeded()
        #expect(breaker.allows(at: now + .milliseconds(253)))
    }

    @Test(
        "Dates of answers are written as RFC 9110 has them",
        arguments: [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (1_709_251_199, "Thu, 29 Feb 2024 23:59:59 GMT"), (4_102_444_800, "Fri, 01 Jan 2100 00:00:00 GMT"),
        ])
    func dates(second: Int, text: String) {
        #expect(HTTPDate.text(second) == text)
    }

    @Test("Something that hangs is given up in time")
    func deadline() async throws {
        await #expect(throws: DeadlineError.self) {
            try await withDeadline(.milliseconds(20)) { try await Task.sleep(for: .seconds(60)) }
        }
        #expect(try await withDeadline(.seconds(5)) { 7 } == 7)
    }

    @Test("A full store admits nothing more until it is counted again")
    func gauge() {
        let gauge = LoadGauge("test_load", limit: 10)
        #expect(gauge.admits(6))
        #expect(!gauge.admits(5))
        #expect(gauge.admits(4))
        #expect(!gauge.admits(1))
        for _ in 0..<3 {
            gauge.counting()
            gauge.counted(0)
        }
        #expect(!gauge.admits(1), "no count sees what is on the way")
        gauge.arrived(4)
        #expect(!gauge.admits(1))
        gauge.counting()
        gauge.arrived(6)
        #expect(!gauge.admits(1))
        gauge.counted(3)
        #expect(!gauge.admits(2), "a count that was under way when the six arrived may have missed them")
        gauge.counting()
        gauge.counted(3)
        #expect(gauge.admits(7), "what had arrived before is counted once")
        gauge.withdraw(7)
        #expect(gauge.admits(6))
        #expect(!gauge.admits(2))
    }
}
