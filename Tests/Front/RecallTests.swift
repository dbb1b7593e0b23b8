import Domain
import Testing

@testable import HTTPFront
@testable import Streams

@Suite("What the front keeps until it is recorded")
struct RecallTests {
    private let events = (0..<6).map { _ in
        SignInEvent(id: .timeOrdered(at: .now), type: .signIn, userID: .random(), occurredAt: .now)
    }

    private func entry(_ number: Int) -> StreamID { StreamID(milliseconds: UInt64(number), sequence: 0) }

    /// A stream of six entries, the first `done` of them acknowledged.
    private func survey(
        _ generation: String = "a", run: String = "1", done: Int = 0, pending: Int = 0, added: Int = 6
    ) -> StreamSurvey {
        let group = StreamSurvey.Group(
            lastDelivered: entry(done + pending), entriesRead: nil, lag: added - done - pending, pending: pending,
            oldestPending: pending > 0 ? entry(done + 1) : nil)
        let stream = StreamSurvey.Stream(
            length: added, entriesAdded: Int64(added), firstID: entry(1), lastID: entry(added), group: group)
        return StreamSurvey(generation: generation, run: run, signIns: stream, completions: stream, deadLetters: 0)
    }

    /// Has seen one survey and keeps all six events.
    private func full() -> Recall {
        let recall = Recall(limit: 10)
        recall.learn(survey(added: 0))
        recall.keep(events, as: (1...6).map(entry), since: recall.life)
        return recall
    }

    @Test("It forgets what is acknowledged, and what is not it keeps")
    func forgets() {
        let recall = full()
        #expect(recall.learn(survey(done: 2, pending: 3)) == nil)
        #expect(recall.count == 4)
        #expect(recall.learn(survey(done: 5, pending: 1)) == nil)
        #expect(recall.count == 1)
        recall.learn(survey(done: 6))
        #expect(recall.count == 0)
        #expect(recall.takeOwed(10).isEmpty)
    }

    @Test("When the streams are others, everything that is kept is owed, in order")
    func owes() {
        for (next, found) in [
            (survey("b", done: 6), StreamSurvey.Break.newGeneration), (survey(run: "2", done: 6), .newRun),
            (survey(done: 2, added: 2), .lostEntries),
        ] {
            let recall = full()
            recall.learn(survey(done: 1))
            #expect(recall.learn(next) == found)
            #expect(recall.takeOwed(2) == Array(events[1...2]))
            recall.putBack(Array(events[1...2]))
            #expect(recall.takeOwed(10) == Array(events[1...]))
            #expect(recall.count == 0)
            #expect(recall.learn(next) == nil, "it is told once")
        }
    }

    @Test("What was on its way while the streams were flushed is owed, whatever its entry's id")
    func underway() {
        let recall = Recall()
        recall.learn(survey("a"))
        let life = recall.life
        recall.learn(survey("b", done: 6))
        recall.keep(events, as: (1...6).map(entry), since: life)
        #expect(recall.takeOwed(10) == events)
        // Published again it is kept again, for the next time.
        recall.keep(events, as: (7...12).map(entry), since: recall.life)
        #expect(recall.learn(survey("c")) == .newGeneration)
        #expect(recall.takeOwed(10) == events)
    }

    @Test("What was published before the first look is owed: nothing tells in which life")
    func first() {
        let recall = Recall()
        recall.keep(events, as: (1...6).map(entry), since: recall.life)
        #expect(recall.learn(survey(done: 6)) == nil)
        #expect(recall.takeOwed(10) == events)
    }

    @Test("A stream that has not seen what was just added has lost it; what was added meanwhile it need not have seen")
    func newest() {
        let recall = Recall()
        recall.learn(survey(added: 0))
        recall.keep(Array(events[..<4]), as: (1...4).map(entry), since: recall.life)
        let newest = recall.newest
        recall.keep(Array(events[4...]), as: (5...6).map(entry), since: recall.life)
        #expect(recall.learn(survey(added: 4), newest: newest) == nil)
        #expect(recall.count == 6)
        let next = recall.newest
        #expect(recall.learn(survey(added: 5), newest: next) == .lostEntries)
        #expect(recall.takeOwed(10) == events)
        #expect(recall.learn(survey(added: 5), newest: recall.newest) == nil)
    }

    @Test("Beyond its limit the oldest give way, but not what is owed")
    func limit() {
        let recall = full()
        let more = events.map { SignInEvent(id: .random(), type: $0.type, userID: $0.userID, occurredAt: .now) }
        recall.keep(more, as: (7...12).map(entry), since: recall.life)
        #expect(recall.count == 10)
        recall.learn(survey("b"))
        let later = events.map { SignInEvent(id: .random(), type: $0.type, userID: $0.userID, occurredAt: .now) }
        recall.keep(later, as: (1...6).map(entry), since: recall.life)
        #expect(recall.takeOwed(20) == Array(events[2...]) + more)
        #expect(recall.count == 0)
        let none = Recall(limit: 0)
        none.learn(survey())
        none.keep(events, as: (1...6).map(entry), since: none.life)
        #expect(none.count == 0)
    }
}
