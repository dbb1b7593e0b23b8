import Domain
import Storage

/// Which event to name as the cause of each completion whose row is missing. No event is named twice.
struct CauseChoice {
    struct Missing: Sendable, Equatable {
        let ordinal: Int32
        /// The place of the event that filled the streak, as the events were recorded.
        let filledBy: Int64
        let trace: CompletionTrace
    }

    /// Which event filled a streak the events tell only as they were recorded, and within a batch not even that; so what is
    /// still known of a completion comes first: the cause that its outbox row names, then one of its claim's time. Of the
    /// others each gets the event that filled its streak or, when that one is taken, the next that is free, or else any.
    ///
    /// - Parameters:
    ///   - missing: by ascending number.
    ///   - candidates: by ascending place, none of them the cause of another completion.
    /// - Returns: as many pairs as there are candidates for.
    static func pair(
        _ missing: [Missing], with candidates: [CauseCandidate]
    ) -> [(missing: Missing, cause: CauseCandidate)] {
        var free = FreePlaces(candidates, for: missing.map(\.trace))
        var chosen: [Int32: CauseCandidate] = [:]
        for one in missing {
            if let cause = one.trace.causeID.flatMap({ free.take(id: $0) }) { chosen[one.ordinal] = cause }
        }
        for one in missing where chosen[one.ordinal] == nil {
            if let cause = one.trace.occurredAt.flatMap({ free.take(at: $0) }) { chosen[one.ordinal] = cause }
        }
        for one in missing where chosen[one.ordinal] == nil {
            if let cause = free.take(from: one.filledBy) { chosen[one.ordinal] = cause }
        }
        return missing.compactMap { one in chosen[one.ordinal].map { (missing: one, cause: $0) } }
    }

    /// Candidates that nobody has taken, found by id, by time, or as the next free one from a place on.
    private struct FreePlaces {
        private let candidates: [CauseCandidate]
        /// Those that a trace may ask for.
        private let byID: [Identifier: Int]
        private let byTime: [Timestamp: [Int]]
        /// For each index, and for the end, one at or after it from which on to look for a free one.
        private var next: [Int]

        init(_ candidates: [CauseCandidate], for traces: [CompletionTrace]) {
            self.candidates = candidates
            let ids = Set(traces.compactMap(\.causeID))
            let times = Set(traces.compactMap(\.occurredAt))
            var byID: [Identifier: Int] = [:]
            var byTime: [Timestamp: [Int]] = [:]
            for (index, candidate) in candidates.enumerated() {
                if ids.contains(candidate.id) { byID[candidate.id] = index }
                if times.contains(candidate.occurredAt) { byTime[candidate.occurredAt, default: []].append(index) }
            }
            self.byID = byID
            self.byTime = byTime
            next = Array(0...candidates.count)
        }

        mutating func take(id: Identifier) -> CauseCandidate? {
            byID[id].flatMap { next[$0] == $0 ? take($0) : nil }
        }

        mutating func take(at time: Timestamp) -> CauseCandidate? {
            byTime[time]?.first { next[$0] == $0 }.map { take($0) }
        }

        /// The first free one at `place` or later, or else the first free one.
        mutating func take(from place: Int64) -> CauseCandidate? {
            var (low, high) = (0, candidates.count)
            while low < high {
                let middle = (low + high) / 2
                if candidates[middle].place < place { low = middle + 1 } else { high = middle }
            }
            for start in [low, 0] {
                let index = firstFree(from: start)
                if index < candidates.count { return take(index) }
            }
            return nil
        }

        private mutating func take(_ index: Int) -> CauseCandidate {
            next[index] = index + 1
            return candidates[index]
        }

        /// Shortens the way for the next one who asks.
        private mutating func firstFree(from start: Int) -> Int {
            var end = start
            while next[end] != end { end = next[end] }
            var index = start
            while index < end {
                let following = next[index]
                next[index] = end
                index = following
            }
            return end
        }
    }
}
