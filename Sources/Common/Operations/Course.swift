import Domain
import Storage

/// The way of one person through one quest, revision by revision, told so that each event can be asked what became of it.
///
/// It steps the rule as `Expectation` does, from the counts by revision alone, and besides keeps which of a revision's events
/// fell into which streak. Events are meant by their place (from 0) among those of their revision that the quest listened
/// to; who stands at which place is for `EventOrder` to say. Memory grows with the number of revisions, not of events.
struct Course: Sendable {
    /// What became of an event.
    enum Fate: Sendable, Equatable {
        /// The event of this place (from 1) in a completed streak.
        case completion(Int32, place: Int32)
        /// The event of this place (from 1) in the streak that is being filled.
        case streak(place: Int32)
        case notCounted(Reason)
    }

    /// Why an event that the quest listens to, or once did, does not count.
    enum Reason: String, Sendable, CaseIterable {
        /// The quest did not exist yet.
        case beforeQuest = "before_quest"
        /// The quest was retired.
        case questRetired = "quest_retired"
        /// The quest listened to another type at that time.
        case otherType = "other_type"
        /// The person had completed the quest as often as it may be.
        case limitReached = "limit_reached"
        /// It had counted, until the quest came to need fewer events than were waiting: the oldest of them were let go.
        case streakShortened = "streak_shortened"
        /// It had counted, until the quest came to allow no further completion.
        case limitLowered = "limit_lowered"
    }

    /// The events of one revision.
    struct Segment: Sendable {
        let quest: Quest
        let revision: Int64
        /// How many events there are that the quest listened to.
        let count: Int64
        /// Events of earlier revisions that the first streak began with.
        let carried: Int64
        /// The completions of this revision; nil if there are none.
        let ordinals: ClosedRange<Int32>?
        /// The events from this place on did not count.
        let counted: Int64
        /// What became of the last ones counted, from the place on where the last completed streak ended: later revisions
        /// tell. By ascending place, each with the fate of the first event of its range.
        fileprivate(set) var tail: [(places: Range<Int64>, fate: Fate)] = []

        var goal: Int64 { Int64(quest.terms.streak) }
        var completions: Int64 { ordinals.map { Int64($0.count) } ?? 0 }

        /// The place of the event that filled a streak of this revision.
        func filledBy(_ ordinal: Int32) -> Int64 {
            (Int64(ordinal) - Int64(ordinals?.lowerBound ?? ordinal) + 1) * goal - carried - 1
        }

        func fate(ofPlace place: Int64) -> Fate {
            guard place < counted else { return .notCounted(.limitReached) }
            if let ordinals, place < completions * goal - carried {
                let (streak, index) = (place + carried).quotientAndRemainder(dividingBy: goal)
                return .completion(ordinals.lowerBound + Int32(streak), place: Int32(index + 1))
            }
            guard let part = tail.first(where: { $0.places.contains(place) }) else { return .notCounted(.limitReached) }
            let offset = Int32(place - part.places.lowerBound)
            switch part.fate {
            case .completion(let ordinal, let first): return .completion(ordinal, place: first + offset)
            case .streak(let first): return .streak(place: first + offset)
            case .notCounted: return part.fate
            }
        }
    }

    /// Events that wait in the present streak: so many of a segment, from a place on.
    private struct Waiting {
        let segment: Int
        var places: Range<Int64>
    }

    let questID: Identifier
    private(set) var segments: [Segment] = []
    /// By segment how many completions there were at its end.
    private var made: [Int32] = []
    private(set) var progress = Progress.none
    /// The last revision under which an event was counted or refused because of the limit; 0 if there is none.
    private(set) var revision: Int64 = 0
    private(set) var terms = QuestTerms(streak: 1, duplication: 1)
    /// How many events did not count, by reason.
    private(set) var notCounted: [Reason: Int64] = [:]
    /// How many events stand in a completed streak or in the present one.
    private(set) var counted: Int64 = 0

    /// - Parameter events: of all types; those that the quest never listened to are passed over.
    init(of questID: Identifier, events: [VerificationSnapshot.EventCount], history: CatalogHistory) {
        self.questID = questID
        let types = history.types(of: questID)
        var counts: [Int64: (quest: Quest, count: Int64)] = [:]
        for group in events where group.count > 0 {
            guard let type = EventType(group.type)?.counted.name, types.contains(type) else { continue }
            switch history.hearing(questID, of: type, at: group.revision) {
            case .success(let quest): counts[group.revision, default: (quest: quest, count: 0)].count += group.count
            case .failure(let deaf): notCounted[deaf.reason, default: 0] += group.count
            }
        }
        var waiting: [Waiting] = []
        for (revision, (quest, count)) in counts.sorted(by: { $0.key < $1.key }) {
            self.revision = revision
            terms = quest.terms
            step(count, of: quest, &waiting)
        }
        settle(&waiting, all: Int64(progress.streak), from: 1) { .streak(place: $0) }
    }

    var limitReached: Bool { revision > 0 && progress.isExhausted(under: terms) }

    func segment(at revision: Int64) -> Segment? {
        var (low, high) = (0, segments.count)
        while low < high {
            let middle = (low + high) / 2
            if segments[middle].revision < revision { low = middle + 1 } else { high = middle }
        }
        return low < segments.count && segments[low].revision == revision ? segments[low] : nil
    }

    /// The segment in which a streak was completed.
    func segment(of ordinal: Int32) -> Segment? {
        var (low, high) = (0, segments.count)
        while low < high {
            let middle = (low + high) / 2
            if made[middle] < ordinal { low = middle + 1 } else { high = middle }
        }
        return low < segments.count && segments[low].ordinals?.contains(ordinal) == true ? segments[low] : nil
    }

    private mutating func step(_ count: Int64, of quest: Quest, _ waiting: inout [Waiting]) {
        let before = Int64(progress.streak)
        let wasExhausted = progress.isExhausted(under: terms)
        let carried = wasExhausted ? 0 : min(before, Int64(terms.streak) - 1)
        let reason: Reason = wasExhausted ? .limitLowered : .streakShortened
        settle(&waiting, all: before - carried, from: 0) { _ in .notCounted(reason) }
        if before > carried { add(before - carried, notCountedFor: reason) }
        counted -= before - carried

        var (first, last): (Int32?, Int32?) = (nil, nil)
        for _ in 0..<count {
            if let ordinal = progress.count(under: terms) {
                first = first ?? ordinal
                last = ordinal
            } else if progress.isExhausted(under: terms) {
                // No later event changes anything any more.
                break
            }
        }
        let ordinals = first.flatMap { first in last.map { first...$0 } }
        let completions = ordinals.map { Int64($0.count) } ?? 0
        let taken = wasExhausted ? 0 : completions * Int64(terms.streak) + Int64(progress.streak) - carried
        segments.append(
            Segment(
                quest: quest, revision: revision, count: count, carried: carried, ordinals: ordinals, counted: taken))
        made.append(progress.duplication)
        counted += taken
        if count > taken { add(count - taken, notCountedFor: .limitReached) }

        let index = segments.count - 1
        if let ordinals {
            settle(&waiting, all: carried, from: 1) { .completion(ordinals.lowerBound, place: $0) }
            waiting.append(Waiting(segment: index, places: (taken - Int64(progress.streak))..<taken))
        } else {
            waiting.append(Waiting(segment: index, places: 0..<taken))
        }
    }

    private mutating func add(_ count: Int64, notCountedFor reason: Reason) {
        notCounted[reason, default: 0] += count
    }

    /// Tells the oldest `count` of the waiting events their fate, numbered from `first`.
    private mutating func settle(
        _ waiting: inout [Waiting], all count: Int64, from first: Int32, _ fate: (Int32) -> Fate
    ) {
        var (left, place, done) = (count, first, 0)
        while left > 0, done < waiting.count {
            let places = waiting[done].places
            let taken = min(left, Int64(places.count))
            if taken > 0 {
                let range = places.lowerBound..<(places.lowerBound + taken)
                segments[waiting[done].segment].tail.append((places: range, fate: fate(place)))
            }
            left -= taken
            place += Int32(clamping: taken)
            waiting[done].places = (places.lowerBound + taken)..<places.upperBound
            if waiting[done].places.isEmpty { done += 1 }
        }
        waiting.removeFirst(done)
    }
}

/// Which event stands at which place of a segment. That is not stored, but the events that filled the streaks are: each is
/// named as the cause of its completion. So these stand where they filled a streak, and the others in the order in which
/// they were recorded, those of one batch in the order of their ids. Where not every completion of the segment has a cause
/// of its own among the segment's events, all stand as they were recorded.
struct EventOrder: Sendable {
    /// How many of the segment's events, and of its causes, were recorded before the event in question.
    struct Rank: Sendable {
        var events: Int64
        var causes: Int64
    }

    let segment: Course.Segment
    /// Whether every completion of the segment has a cause of its own among the events.
    let causesAreKnown: Bool

    /// - Parameters:
    ///   - rank: what was recorded before.
    ///   - filled: the completion that it is the cause of.
    func place(_ rank: Rank, filled: Int32?) -> Int64 {
        guard causesAreKnown else { return rank.events }
        if let filled { return segment.filledBy(filled) }
        let others = rank.events - rank.causes
        // How many streaks are full when so many others have come: the first one needs fewer, for some were carried over.
        let inFirst = segment.goal - segment.carried - 1
        guard others >= inFirst, segment.completions > 0 else { return others }
        let full = segment.goal > 1 ? 1 + (others - inFirst) / (segment.goal - 1) : segment.completions
        return others + min(full, segment.completions)
    }
}
