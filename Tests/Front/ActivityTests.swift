import Domain
import Testing

@testable import HTTPFront

@Suite("What was going on")
struct ActivityTests {
    private static func sample(
        _ second: Int64, _ signIns: Int64, done: Int64? = 0, _ completions: Int64 = 0, of generation: String = "a"
    ) -> Activity.Sample {
        Activity.Sample(
            at: Timestamp(milliseconds: second * 1_000), generation: generation, signIns: signIns, done: done,
            completions: completions)
    }

    @Test("Rates are per second between samples, and unknown across a loss and where the server cannot tell")
    func rates() {
        let activity = Activity()
        activity.learn(ActivityTests.sample(0, 100, done: 90))
        activity.learn(ActivityTests.sample(1, 500))
        activity.learn(ActivityTests.sample(2, 109, done: 95, 1))
        activity.learn(ActivityTests.sample(6, 129, done: nil, 1))
        activity.learn(ActivityTests.sample(8, 204, done: 4, 5, of: "b"))
        activity.learn(ActivityTests.sample(10, 204, done: 2, 5, of: "b"))
        let json = activity.json(at: Timestamp(milliseconds: 12_900))
        // Four seconds between two samples are two intervals.
        #expect(json["sign_ins"] == [.number(4.5), .number(5), .number(5), .null, .number(0)])
        #expect(json["events"] == [.number(2.5), .null, .null, .null, .null])
        #expect(json["completions"] == [.number(0.5), .number(0), .number(0), .null, .number(0)])
        #expect(json["until"] == "1970-01-01T00:00:10.000Z" && json["interval_seconds"] == .integer(2))
    }

    @Test("When no samples come any more, what was last is not told as what is now")
    func silence() {
        let activity = Activity()
        activity.learn(ActivityTests.sample(0, 0))
        activity.learn(ActivityTests.sample(2, 10))
        let later = activity.json(at: Timestamp(milliseconds: 8_000))
        #expect(later["sign_ins"] == [.number(5), .null, .null, .null])
        #expect(later["until"] == "1970-01-01T00:00:08.000Z")
        guard case .array(let rates) = activity.json(at: Timestamp(milliseconds: 86_400_000))["sign_ins"] else {
            Issue.record("no rates")
            return
        }
        #expect(rates == Array(repeating: .null, count: 150))
        #expect(Activity().json()["sign_ins"] == [])
    }

    @Test("Five minutes are kept")
    func bounded() {
        let activity = Activity()
        for second in 0..<1_000 { activity.learn(ActivityTests.sample(Int64(second), Int64(second))) }
        guard case .array(let rates) = activity.json(at: Timestamp(milliseconds: 999_000))["sign_ins"] else {
            Issue.record("no rates")
            return
        }
        #expect(rates == Array(repeating: .number(1), count: 150))
    }
}
