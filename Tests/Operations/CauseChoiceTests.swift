import Domain
import Storage
import Testing

@testable import Operations

@Suite("The choice of causes")
struct CauseChoiceTests {
    private func candidate(_ place: Int64, at milliseconds: Int64 = 0) -> CauseCandidate {
        CauseCandidate(id: .random(), occurredAt: Timestamp(milliseconds: milliseconds), place: place)
    }

    private func missing(_ ordinal: Int32, _ filledBy: Int64, _ trace: CompletionTrace = CompletionTrace())
        -> CauseChoice.Missing
    {
        CauseChoice.Missing(ordinal: ordinal, filledBy: filledBy, trace: trace)
    }

    @Test("The event that filled the streak, or the next free one, or any")
    func order() {
        let candidates = [1, 2, 4, 5].map { candidate($0) }
        let pairs = CauseChoice.pair([missing(1, 2), missing(2, 3), missing(3, 5), missing(4, 8)], with: candidates)
        #expect(pairs.map(\.cause.place) == [2, 4, 5, 1])
        #expect(pairs.map(\.missing.ordinal) == [1, 2, 3, 4])
    }

    @Test("What is still known of a completion comes before the place of any other")
    func traces() {
        let candidates = [candidate(0), candidate(1, at: 7), candidate(2), candidate(3, at: 7)]
        let pairs = CauseChoice.pair(
            [
                missing(1, 1), missing(2, 0, CompletionTrace(occurredAt: Timestamp(milliseconds: 7))),
                missing(3, 0, CompletionTrace(causeID: candidates[1].id)),
            ], with: candidates)
        #expect(pairs.map(\.cause.place) == [2, 3, 1])
    }

    @Test("No event twice, and everybody gets one while there are enough", arguments: 0..<300)
    func everybody(round: Int) {
        let places = (0..<Int64(40)).filter { _ in Bool.random() }
        let candidates = places.map { candidate($0, at: .random(in: 0...10)) }
        let missing = (0..<Int32.random(in: 0...40)).map { index in
            var trace = CompletionTrace()
            switch Int.random(in: 0..<4) {
            case 0: trace.causeID = candidates.randomElement()?.id ?? .random()
            case 1: trace.occurredAt = Timestamp(milliseconds: .random(in: 0...12))
            default: break
            }
            return self.missing(index + 1, .random(in: 0...45), trace)
        }
        let pairs = CauseChoice.pair(missing, with: candidates)
        #expect(pairs.count == min(missing.count, candidates.count))
        #expect(Set(pairs.map(\.cause.id)).count == pairs.count)
        #expect(pairs.map(\.missing.ordinal) == pairs.map(\.missing.ordinal).sorted())
        #expect(pairs.allSatisfy { pair in candidates.contains(pair.cause) })
    }
}
