import Domain
import Metrics
import Streams

/// What is counted of one group's work, from 0 on.
struct GroupMetrics: Sendable {
    let reclaimed: Counter
    let lost: Counter
    let retries: Counter
    let letters: Counter
    private let duration: Timer

    init(_ group: String) {
        let dimensions = [("group", group)]
        reclaimed = Counter(label: "quest_reclaimed_total", dimensions: dimensions)
        lost = Counter(label: "quest_lost_entries_total", dimensions: dimensions)
        retries = Counter(label: "quest_batch_retries_total", dimensions: dimensions)
        letters = Counter(label: "quest_dead_letters_total", dimensions: dimensions)
        duration = Timer(label: "quest_event_duration", dimensions: dimensions, preferredDisplayUnit: .seconds)
    }

    /// Takes the time of entries that were recorded. What had been recorded before is left out: how long ago it
    /// was published says nothing.
    func recorded(_ entries: [StreamID], except applied: Applied) {
        for (index, entry) in entries.enumerated()
        where !applied.known.contains(index) && applied.refused[index] == nil {
            // The clock of Redis may be ahead of ours.
            duration.recordMilliseconds(max(0, applied.at.milliseconds - Int64(clamping: entry.milliseconds)))
        }
    }
}
