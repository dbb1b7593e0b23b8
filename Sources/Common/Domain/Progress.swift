/// How far one person is with one quest.
public struct Progress: Hashable, Sendable {
    /// Events counted towards the next completion.
    public var streak: Int32
    /// Completions so far; never decreases.
    public var duplication: Int32

    public static let none = Progress(streak: 0, duplication: 0)

    public init(streak: Int32, duplication: Int32) {
        self.streak = streak
        self.duplication = duplication
    }

    /// Whether the quest takes no more events of this person.
    public func isExhausted(under terms: QuestTerms) -> Bool {
        duplication >= terms.duplication
    }
}

/// The two numbers of a quest that the rule reads.
public struct QuestTerms: Hashable, Sendable {
    /// Events per completion, at least 1.
    public let streak: Int32
    /// Completions per person, at least 1.
    public let duplication: Int32

    /// Terms below 1 are raised to 1.
    public init(streak: Int32, duplication: Int32) {
        self.streak = max(1, streak)
        self.duplication = max(1, duplication)
    }
}

extension Quest {
    public var terms: QuestTerms { QuestTerms(streak: streak, duplication: duplication) }
}

/// The rule of Questline, one event at a time: the reference that `verify` steps and that the batch fold is tested
/// against. Where the workers evaluate it is told in `ops/decisions/0002-where-the-rule-is-evaluated.md`.
extension Progress {
    /// Counts one event.
    ///
    /// While the limit is reached an event does not count and the streak stands at 0, even if a catalog change lowered
    /// the limit in the middle of a streak. A streak that a catalog change made too long counts as one short of full.
    ///
    /// - Returns: the ordinal (from 1) of the completion that this event filled, or nil.
    public mutating func count(under terms: QuestTerms) -> Int32? {
        guard !isExhausted(under: terms) else {
            streak = 0
            return nil
        }
        streak = min(streak, terms.streak - 1) + 1
        guard streak == terms.streak else { return nil }
        streak = 0
        duplication += 1
        return duplication
    }

    /// Counts `events` events at once, with the same result as `count(under:)` called so often.
    ///
    /// - Returns: for each completion its ordinal and which of the events (from 0) filled it.
    public mutating func count(_ events: Int64, under terms: QuestTerms) -> [(ordinal: Int32, filledBy: Int64)] {
        guard events > 0 else { return [] }
        let needed = Int64(terms.streak)
        let start = Int64(min(streak, terms.streak - 1))
        let left = Int64(terms.duplication) - Int64(duplication)
        let completed = max(0, min((start + events) / needed, left))
        let before = duplication
        duplication += Int32(completed)
        streak = isExhausted(under: terms) ? 0 : Int32(start + events - completed * needed)
        return (0..<completed).map { index in
            (ordinal: before + Int32(index) + 1, filledBy: (index + 1) * needed - start - 1)
        }
    }
}
