import Domain
import Metrics
import Synchronization

/// Counts events by type and outcome.
///
/// A sender may make up as many types as it likes, and each would be a series for as long as the process lives. So only
/// those that quests count have one; the rest is `other`.
final class EventCounts: Sendable {
    enum Outcome: String, CaseIterable {
        case recorded
        case duplicate
        case deadLetter = "dead_letter"
    }

    /// Even of the types that quests count.
    static let mostTypes = 100

    private typealias Counters = [Outcome: Counter]

    private let other = EventCounts.counters("other")
    private let known: Mutex<[EventType: Counters]>

    /// - Parameter types: those that are known from the beginning.
    init(_ types: [EventType]) {
        known = Mutex(Dictionary(types.map { ($0, EventCounts.counters($0.name)) }) { first, _ in first })
    }

    /// Gives these types series of their own.
    func learn(_ types: [EventType]) {
        known.withLock { known in
            for type in types where known[type] == nil && known.count < EventCounts.mostTypes {
                known[type] = EventCounts.counters(type.name)
            }
        }
    }

    func count(_ types: some Sequence<EventType>, as outcome: Outcome) {
        // Most have the type of the one before.
        var run: (type: EventType, count: Int)?
        for type in types {
            if let same = run, same.type == type {
                run = (type, same.count + 1)
            } else {
                if let run { count(run.count, of: run.type, as: outcome) }
                run = (type, 1)
            }
        }
        if let run { count(run.count, of: run.type, as: outcome) }
    }

    private func count(_ count: Int, of type: EventType, as outcome: Outcome) {
        (known.withLock { $0[type] } ?? other)[outcome]?.increment(by: count)
    }

    private static func counters(_ type: String) -> Counters {
        Dictionary(
            uniqueKeysWithValues: Outcome.allCases.map { outcome in
                let dimensions = [("type", type), ("outcome", outcome.rawValue)]
                return (outcome, Counter(label: "quest_events_processed_total", dimensions: dimensions))
            })
    }
}
