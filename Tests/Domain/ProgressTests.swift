import Domain
import Testing

/// A generator that gives the same numbers for the same seed, so that a failure can be repeated.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}

@Suite("The rule")
struct ProgressTests {
    @Test("The example of eight sign-ins, step by step")
    func example() {
        let terms = QuestTerms(streak: 3, duplication: 2)
        var progress = Progress.none
        let expected: [(streak: Int32, duplication: Int32, completed: Int32?)] = [
            (1, 0, nil), (2, 0, nil), (0, 1, 1), (1, 1, nil), (2, 1, nil), (0, 2, 2), (0, 2, nil), (0, 2, nil),
        ]
        for step in expected {
            #expect(progress.count(under: terms) == step.completed)
            #expect(progress == Progress(streak: step.streak, duplication: step.duplication))
        }
    }

    @Test("Any split into batches, with catalog changes between them, equals one event at a time", arguments: 0..<400)
    func splits(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var single = Progress.none
        var batched = Progress.none
        for _ in 0..<Int.random(in: 1...40, using: &random) {
            let terms = QuestTerms(
                streak: Int32.random(in: 1...6, using: &random), duplication: Int32.random(in: 1...9, using: &random))
            let events = Int64.random(in: 0...14, using: &random)
            let before = batched
            var filled: [(ordinal: Int32, filledBy: Int64)] = []
            for index in 0..<events {
                if let ordinal = single.count(under: terms) { filled.append((ordinal: ordinal, filledBy: index)) }
            }
            let completions = batched.count(events, under: terms)
            #expect(batched == single, "\(events) events under \(terms) from \(before)")
            #expect(completions.map(\.ordinal) == filled.map(\.ordinal))
            #expect(completions.map(\.filledBy) == filled.map(\.filledBy))
            #expect(batched.duplication >= before.duplication)
            #expect(batched.streak < terms.streak || batched == before)
        }
    }

    @Test("The formula of the design", arguments: 0..<300)
    func formula(seed: UInt64) {
        var random = SeededGenerator(seed: seed &+ 1_000_000)
        let terms = QuestTerms(
            streak: Int32.random(in: 1...10, using: &random), duplication: Int32.random(in: 1...10, using: &random))
        let start = Progress(
            streak: Int32.random(in: 0...12, using: &random), duplication: Int32.random(in: 0...12, using: &random))
        let events = Int64.random(in: 1...200, using: &random)
        var progress = start
        let completions = progress.count(events, under: terms)
        let clamped = Int64(min(start.streak, terms.streak - 1))
        let expected = max(
            0, min((clamped + events) / Int64(terms.streak), Int64(terms.duplication) - Int64(start.duplication)))
        #expect(Int64(completions.count) == expected)
        #expect(Int64(progress.duplication) == Int64(start.duplication) + expected)
        let streak = progress.duplication >= terms.duplication ? 0 : clamped + events - expected * Int64(terms.streak)
        #expect(Int64(progress.streak) == streak)
    }

    @Test("A lowered limit in the middle of a streak stops it at 0; a raised one begins anew")
    func limitChanges() {
        var progress = Progress(streak: 1, duplication: 1)
        #expect(progress.count(under: QuestTerms(streak: 3, duplication: 1)) == nil)
        #expect(progress == Progress(streak: 0, duplication: 1))
        _ = progress.count(2, under: QuestTerms(streak: 3, duplication: 2))
        #expect(progress == Progress(streak: 2, duplication: 1))
    }

    @Test("A shortened streak completes at the next event, once")
    func shortenedStreak() {
        var progress = Progress(streak: 4, duplication: 0)
        #expect(progress.count(under: QuestTerms(streak: 2, duplication: 5)) == 1)
        #expect(progress == Progress(streak: 0, duplication: 1))
    }

    @Test("Terms below one are raised to one")
    func terms() {
        #expect(QuestTerms(streak: 0, duplication: -4) == QuestTerms(streak: 1, duplication: 1))
    }
}
