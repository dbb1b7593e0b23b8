import Domain
import Storage

/// A completion that follows from the events.
struct ExpectedCompletion: Sendable {
    let id: Identifier
    let questID: Identifier
    let ordinal: Int32
    let run: Expectation.Run
}

/// All completions that follow from one person's events, handed out slice by slice of their ids.
///
/// The ids are derived, so each has to be made to know its slice. They are made once and kept for up to a million
/// completions, 24 bytes each; beyond that once for each million.
struct ExpectedCompletions: Sendable {
    private struct Place: Sendable {
        let id: Identifier
        let ordinal: Int32
        let run: Int32
    }

    private static let kept = 1_000_000

    private let userID: Identifier
    /// By quest, then by number.
    private let runs: [(questID: Identifier, run: Expectation.Run)]
    /// The parts of all ids for which places are made at once.
    private let parts: [IdentifierSlice]
    /// Those of one part, by id.
    private var places: [Place] = []
    private var part: IdentifierSlice?

    init(of userID: Identifier, _ expectations: [Identifier: Expectation]) {
        self.userID = userID
        runs = expectations.sorted { $0.key < $1.key }.flatMap { questID, expectation in
            expectation.runs.map { (questID: questID, run: $0) }
        }
        let many = runs.reduce(0) { $0 + $1.run.ordinals.count } / ExpectedCompletions.kept
        parts = IdentifierSlice.all(bits: Int.bitWidth - many.leadingZeroBitCount)
    }

    /// Those whose ids fall into `slice`, by quest and number. Slices are asked for in their order.
    mutating func take(_ slice: IdentifierSlice) -> [ExpectedCompletion] {
        if part?.contains(slice) != true {
            let next = parts.first { $0.contains(slice) } ?? slice
            places = make(next)
            part = next
        }
        let start = places.partitioningIndex { $0.id >= slice.first }
        let end = places.partitioningIndex { $0.id > slice.last }
        let taken = places[start..<end].sorted { ($0.run, $0.ordinal) < ($1.run, $1.ordinal) }
        if slice.last == part?.last {
            places = []
            part = nil
        }
        return taken.map { place in
            let (questID, run) = runs[Int(place.run)]
            return ExpectedCompletion(id: place.id, questID: questID, ordinal: place.ordinal, run: run)
        }
    }

    private func make(_ part: IdentifierSlice) -> [Place] {
        var made: [Place] = []
        for (index, (questID, run)) in runs.enumerated() {
            for ordinal in run.ordinals {
                let id = Completion.id(userID: userID, questID: questID, ordinal: ordinal)
                if part.contains(id) {
                    made.append(Place(id: id, ordinal: ordinal, run: Int32(clamping: index)))
                }
            }
        }
        return made.sorted { $0.id < $1.id }
    }
}

extension Array {
    /// The first index whose element is `true` for `predicate`, which holds for all elements after the first for which it
    /// does.
    fileprivate func partitioningIndex(where predicate: (Element) -> Bool) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if predicate(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
