import Domain
import Storage

/// Tells of each event of a page what became of it, quest by quest.
struct ExplainedPage {
    private struct Place: Hashable {
        let questID: Identifier
        let revision: Int64
    }

    private struct Streak: Hashable {
        let questID: Identifier
        /// Nil for the present one.
        let completion: Int32?
    }

    private let userID: Identifier
    /// The last recorded first.
    private let rows: [ExplanationView.Event]
    private let history: CatalogHistory
    private let courses: [Identifier: Course]
    /// By counted type the quests that ever listened to it.
    private let listeners: [String: [Identifier]]
    private var streaks: [Streak: [(place: Int32, id: Identifier)]] = [:]
    private(set) var quests: [Explanation.Quest] = []
    private(set) var events: [Explanation.Event] = []

    init(
        _ userID: Identifier, _ rows: [ExplanationView.Event], _ summary: ExplanationView.Summary,
        _ history: CatalogHistory
    ) {
        self.userID = userID
        self.rows = rows
        self.history = history
        var courses: [Identifier: Course] = [:]
        var listeners: [String: [Identifier]] = [:]
        let stored = Dictionary(summary.progress.map { ($0.questID, $0) }) { first, _ in first }
        for questID in history.questIDs {
            guard let latest = history.latest(questID) else { continue }
            for type in history.types(of: questID) { listeners[type, default: []].append(questID) }
            let course = Course(of: questID, events: summary.events, history: history)
            courses[questID] = course
            let completions = summary.completions[questID] ?? 0
            let isTouched = !course.segments.isEmpty || !course.notCounted.isEmpty || completions > 0
            guard latest.active || isTouched || stored[questID] != nil else { continue }
            quests.append(Explanation.Quest(latest, course, stored[questID], completions: completions))
        }
        self.courses = courses
        self.listeners = listeners
        quests.sort { ($0.quest.name, $0.quest.id) < ($1.quest.name, $1.quest.id) }
    }

    /// Fills `events` and what the quests say about them.
    mutating func tell(_ view: ExplanationView) async throws {
        guard let oldest = rows.last else { return }
        let hearings = self.hearings()
        let revisions = Set(rows.map(\.revision)).sorted()
        var ranks: [Place: EventOrder.Rank] = [:]
        for count in try await view.counts(before: oldest.position, revisions: revisions, types: history.eventTypes) {
            for questID in hearers(of: count.type, at: count.revision) {
                ranks[Place(questID: questID, revision: count.revision), default: .init(events: 0, causes: 0)]
                    .events += count.count
            }
        }
        var orders = self.orders()
        for (questID, revision, causes) in try await view.causes(of: hearings, before: oldest.position) {
            let place = Place(questID: questID, revision: revision)
            guard let segment = orders[place]?.segment, causes.areAll(of: segment) else { continue }
            orders[place] = EventOrder(segment: segment, causesAreKnown: true)
            ranks[place, default: .init(events: 0, causes: 0)].causes += causes.before
        }
        var filled: [Identifier: [Place: Int32]] = [:]
        for cause in try await view.completions(causedBy: rows.map(\.id), revisions: revisions) {
            filled[cause.eventID, default: [:]][Place(questID: cause.questID, revision: cause.revision)] = cause.ordinal
        }
        events = rows.reversed().map { row in
            var event = Explanation.Event(row)
            for questID in listeners[row.countedType ?? ""] ?? [] {
                let place = Place(questID: questID, revision: row.revision)
                let fate: Course.Fate
                if let order = orders[place], isHeard(row.countedType, by: questID, at: row.revision) {
                    let rank = ranks[place] ?? .init(events: 0, causes: 0)
                    let ordinal = filled[row.id]?[place].flatMap { ordinal in
                        order.segment.ordinals?.contains(ordinal) == true ? ordinal : nil
                    }
                    fate = order.segment.fate(ofPlace: order.place(rank, filled: ordinal))
                    ranks[place] = .init(events: rank.events + 1, causes: rank.causes + (ordinal == nil ? 0 : 1))
                } else {
                    fate = .notCounted(whyUnheard(row, by: questID))
                }
                add(fate, of: questID, to: &event)
            }
            if event.countedFor.isEmpty && event.notCounted.isEmpty {
                event.notCounted.append((questID: nil, reason: Explanation.unknownType))
            }
            return event
        }.reversed()
        try await fillQuests(view)
    }

    private mutating func add(_ fate: Course.Fate, of questID: Identifier, to event: inout Explanation.Event) {
        switch fate {
        case .completion(let ordinal, let place):
            event.countedFor.append((questID: questID, completion: ordinal, place: place))
            streaks[Streak(questID: questID, completion: ordinal), default: []].append((place: place, id: event.id))
        case .streak(let place):
            event.countedFor.append((questID: questID, completion: nil, place: place))
            streaks[Streak(questID: questID, completion: nil), default: []].append((place: place, id: event.id))
        case .notCounted(let reason): event.notCounted.append((questID: questID, reason: reason.rawValue))
        }
    }

    /// Gives the quests their completions, with what is on record of them.
    private mutating func fillQuests(_ view: ExplanationView) async throws {
        let ids = streaks.keys.compactMap { streak in
            streak.completion.map { Completion.id(userID: userID, questID: streak.questID, ordinal: $0) }
        }.sorted()
        let recorded = try await view.completions(ids)
        let claims = try await view.claims(ids)
        let byQuest = Dictionary(grouping: streaks) { $0.key.questID }
        for index in quests.indices {
            let questID = quests[index].quest.id
            for (streak, events) in byQuest[questID] ?? [] {
                let ordered = events.sorted { $0.place < $1.place }.map(\.id)
                guard let ordinal = streak.completion else {
                    quests[index].streakEvents = ordered
                    continue
                }
                guard let segment = courses[questID]?.segment(of: ordinal) else { continue }
                let id = Completion.id(userID: userID, questID: questID, ordinal: ordinal)
                quests[index].completions.append(
                    Explanation.Completion(
                        ordinal: ordinal, id: id, causeID: recorded[id]?.causeID, occurredAt: recorded[id]?.occurredAt,
                        catalogRevision: segment.revision, goal: segment.quest.terms.streak, events: ordered,
                        claim: claims[id]))
            }
            quests[index].completions.sort { $0.ordinal > $1.ordinal }
        }
    }

    // MARK: Who listened

    private func isHeard(_ counted: String?, by questID: Identifier, at revision: Int64) -> Bool {
        guard let counted, case .success = history.hearing(questID, of: counted, at: revision) else { return false }
        return true
    }

    private func hearers(of type: String, at revision: Int64) -> [Identifier] {
        let counted = EventType(type)?.counted.name
        return (listeners[counted ?? ""] ?? []).filter { isHeard(counted, by: $0, at: revision) }
    }

    private func whyUnheard(_ row: ExplanationView.Event, by questID: Identifier) -> Course.Reason {
        guard case .failure(let deaf) = history.hearing(questID, of: row.countedType ?? "", at: row.revision) else {
            return .otherType
        }
        return deaf.reason
    }

    private func orders() -> [Place: EventOrder] {
        var orders: [Place: EventOrder] = [:]
        for row in rows {
            for questID in hearers(of: row.type, at: row.revision) {
                let place = Place(questID: questID, revision: row.revision)
                guard orders[place] == nil, let segment = courses[questID]?.segment(at: row.revision) else { continue }
                orders[place] = EventOrder(segment: segment, causesAreKnown: segment.completions == 0)
            }
        }
        return orders
    }

    private func hearings() -> [ExplanationView.Hearing] {
        var hearings: Set<ExplanationView.Hearing> = []
        for row in rows {
            for questID in hearers(of: row.type, at: row.revision) {
                guard let type = row.countedType else { continue }
                hearings.insert(.init(questID: questID, revision: row.revision, type: type))
                if type == EventType.firstSignIn.counted.name {
                    hearings.insert(
                        .init(questID: questID, revision: row.revision, type: EventType.firstSignIn.name))
                }
            }
        }
        return Array(hearings)
    }
}

extension ExplanationView.Event {
    fileprivate var countedType: String? { EventType(type)?.counted.name }
}

extension ExplanationView.Causes {
    /// Whether each completion of the segment has a cause of its own.
    fileprivate func areAll(of segment: Course.Segment) -> Bool {
        [completions, numbers, events].allSatisfy { $0 == segment.completions }
            && lowest == segment.ordinals?.lowerBound && highest == segment.ordinals?.upperBound
    }
}

extension Explanation.Event {
    fileprivate init(_ row: ExplanationView.Event) {
        self.init(
            id: row.id, type: row.type, occurredAt: row.occurredAt, recordedAt: row.recordedAt,
            catalogRevision: row.revision)
    }
}

extension Explanation.Quest {
    fileprivate init(_ quest: Quest, _ course: Course, _ row: QuestProgress?, completions: Int64) {
        let standing = Explanation.Standing(
            progress: course.progress, limitReached: course.limitReached, catalogRevision: course.revision)
        let stored = row.map { row in
            Explanation.Standing(
                progress: row.progress, limitReached: row.limitReached, catalogRevision: row.catalogRevision)
        }
        let expected = course.segments.isEmpty ? nil : standing
        self.init(
            quest: quest, standing: standing, stored: stored,
            differs: stored != expected || completions != Int64(course.progress.duplication),
            counted: course.counted,
            notCounted: Course.Reason.allCases.compactMap { reason in
                course.notCounted[reason].map { (reason: reason.rawValue, count: $0) }
            },
            needed: quest.active && !course.progress.isExhausted(under: quest.terms)
                ? quest.terms.streak - min(course.progress.streak, quest.terms.streak - 1) : nil)
    }
}
