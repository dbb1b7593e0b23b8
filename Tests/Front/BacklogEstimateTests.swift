import Testing

@testable import HTTPFront
@testable import Streams

@Suite("What waits in the stream")
struct BacklogEstimateTests {
    /// A stream that holds entries up to `added`, of which the group was given those up to `delivered`.
    private func stream(
        _ added: Int, delivered: Int, lag: Int?, pending: Int = 0, length: Int? = nil
    ) -> StreamSurvey.Stream {
        func id(_ number: Int) -> StreamID { StreamID(milliseconds: UInt64(number), sequence: 0) }
        return StreamSurvey.Stream(
            length: length ?? added, entriesAdded: Int64(added), firstID: nil, lastID: id(added),
            group: StreamSurvey.Group(
                lastDelivered: id(delivered), entriesRead: nil, lag: lag, pending: pending, oldestPending: nil))
    }

    @Test("It is what the server tells, as long as that can be true")
    func told() {
        var estimate = BacklogEstimate()
        #expect(estimate.learn(stream(100, delivered: 90, lag: 10, pending: 3)) == 13)
        #expect(estimate.learn(stream(200, delivered: 90, lag: 110, pending: 3)) == 113)
        #expect(estimate.learn(stream(200, delivered: 200, lag: 0)) == 0)
    }

    @Test("After a restart the server tells too many: no more wait than came since the last entry that was passed")
    func restarted() {
        var estimate = BacklogEstimate()
        #expect(estimate.learn(stream(1_000, delivered: 1_000, lag: 0)) == 0)
        #expect(estimate.learn(stream(1_050, delivered: 1_020, lag: 1_040)) == 50)
        #expect(estimate.learn(stream(1_100, delivered: 1_060, lag: 1_040, pending: 7)) == 57)
        #expect(estimate.learn(stream(1_100, delivered: 1_100, lag: 1_000)) == 0)
        // One that begins after the restart is right as soon as the group has passed what it found.
        var late = BacklogEstimate()
        #expect(late.learn(stream(1_050, delivered: 1_049, lag: 1_040)) == 1_040)
        #expect(late.learn(stream(1_060, delivered: 1_050, lag: 1_040)) == 10)
    }

    @Test("What the server cannot tell is bounded likewise, at first by what is there")
    func unknown() {
        var estimate = BacklogEstimate()
        #expect(estimate.learn(stream(100, delivered: 95, lag: nil, length: 80)) == 80)
        #expect(estimate.learn(stream(120, delivered: 101, lag: nil, length: 100)) == 20)
        // Rewound: nothing that it remembers says how far.
        #expect(estimate.learn(stream(120, delivered: 1, lag: nil, length: 100)) == 100)
    }

    @Test("Another stream is another count, and without a group everything waits")
    func another() {
        var estimate = BacklogEstimate()
        #expect(estimate.learn(stream(1_000, delivered: 1_000, lag: 0)) == 0)
        #expect(estimate.learn(stream(30, delivered: 10, lag: 20)) == 20)
        #expect(estimate.learn(stream(40, delivered: 31, lag: 35)) == 10)
        let alone = StreamSurvey.Stream(length: 7, entriesAdded: 9, firstID: nil, lastID: .zero, group: nil)
        #expect(estimate.learn(alone) == 7)
    }

    @Test("A backlog of many hours is still bounded closely")
    func long() {
        var estimate = BacklogEstimate()
        for second in 1...20_000 { _ = estimate.learn(stream(second * 10, delivered: 5, lag: nil)) }
        let estimated = estimate.learn(stream(200_010, delivered: 150_000, lag: nil))
        #expect((50_010...50_200).contains(estimated), "\(estimated)")
    }
}
