import Domain
import Storage
import TestSupport
import Testing

@testable import Operations

@Suite("The course of a quest")
struct CourseTests {
    @Test("Says the same as the expectation of verify, and places tell all events apart", arguments: 0..<200)
    func agrees(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let id = Identifier.random()
        var quests: [Quest] = []
        for revision in 2..<Int64.random(in: 3...9, using: &generator) where Bool.random(using: &generator) {
            quests.append(
                Quest(
                    id: id, name: "q", description: "", eventType: "UserSignIn",
                    streak: .random(in: 1...6, using: &generator), duplication: .random(in: 1...6, using: &generator),
                    autoClaim: false, rewardID: id, active: Int.random(in: 0..<5, using: &generator) > 0,
                    revision: revision))
        }
        let events = (1..<Int64(10)).map { revision in
            VerificationSnapshot.EventCount(
                type: "UserSignIn", revision: revision, count: .random(in: 0...9, using: &generator))
        }
        let history = CatalogHistory(quests: quests, rewards: [])
        let course = Course(of: id, events: events, history: history)
        let expected = Expectation(of: id, events: events.filter { $0.count > 0 }, history: history)
        #expect(course.progress == expected?.progress ?? .none)
        #expect(course.revision == expected?.revision ?? 0)
        #expect(course.segments.isEmpty == (expected == nil))

        var fates: [Course.Fate] = []
        for segment in course.segments {
            fates += (0..<segment.count).map { segment.fate(ofPlace: $0) }
            for ordinal in segment.ordinals.map(Array.init) ?? [] {
                let goal = Int32(segment.goal)
                #expect(segment.fate(ofPlace: segment.filledBy(ordinal)) == .completion(ordinal, place: goal))
                #expect(course.segment(of: ordinal)?.revision == segment.revision)
            }
            // Whatever the causes are, others and causes together take every place once.
            for known in [true, false] {
                let order = EventOrder(segment: segment, causesAreKnown: known)
                var left = segment.ordinals.map(Array.init) ?? []
                var rank = EventOrder.Rank(events: 0, causes: 0)
                var places: Set<Int64> = []
                for index in 0..<segment.count {
                    var filled: Int32?
                    if segment.count - index <= left.count || Bool.random(using: &generator), !left.isEmpty {
                        filled = left.remove(at: Int.random(in: left.indices, using: &generator))
                    }
                    places.insert(order.place(rank, filled: filled))
                    rank = .init(events: rank.events + 1, causes: rank.causes + (filled == nil ? 0 : 1))
                }
                #expect(places == Set(0..<segment.count))
            }
        }
        let not = fates.count { if case .notCounted = $0 { true } else { false } }
        #expect(Int64(fates.count - not) == course.counted)
        let streak = fates.compactMap { if case .streak(let place) = $0 { place } else { nil } }
        #expect(streak.sorted() == Array(0..<course.progress.streak).map { $0 + 1 })
        for ordinal in 1...max(1, course.progress.duplication) where course.progress.duplication > 0 {
            let places = fates.compactMap { fate -> Int32? in
                if case .completion(ordinal, let place) = fate { place } else { nil }
            }
            #expect(places.sorted() == (0..<(course.segment(of: ordinal)?.quest.streak ?? 0)).map { $0 + 1 })
        }
        let total = events.reduce(0) { $0 + $1.count }
        #expect(course.counted + course.notCounted.values.reduce(0, +) == (quests.isEmpty ? 0 : total))
    }
}
