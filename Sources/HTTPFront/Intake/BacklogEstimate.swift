import Streams

/// How many sign-ins wait in the stream to be recorded: a number that is never too low, and soon a close one.
///
/// The server's own lag does not do alone. It is unknown after an XDEL among the entries that wait, and after a restart
/// Redis 7.0 no longer knows how much a group has read (redis/redis#12898), so that it tells far too many. What it knows
/// for sure is how many entries were ever added: once the group has passed the entry that was the newest at some earlier
/// survey, no more can wait than were added since then.
struct BacklogEstimate: Sendable {
    private struct Mark {
        let newest: StreamID
        let entriesAdded: Int64
    }

    /// More surveys than this are not remembered one by one.
    private static let mostMarks = 4_096

    /// Earlier surveys, the oldest one first: the last that the group has passed, if it has passed any, and those after it.
    private var marks: [Mark] = []

    /// Takes in what a survey has seen.
    ///
    /// - Returns: the number of entries.
    mutating func learn(_ stream: StreamSurvey.Stream) -> Int64 {
        remember(Mark(newest: stream.lastID, entriesAdded: stream.entriesAdded))
        var waiting = Int64(stream.length)
        guard let group = stream.group else { return waiting }
        if let lag = group.lag { waiting = min(waiting, Int64(lag)) }
        if let passed = marks.lastIndex(where: { $0.newest <= group.lastDelivered }) {
            marks.removeFirst(passed)
            waiting = min(waiting, stream.entriesAdded - marks[0].entriesAdded)
        }
        return waiting + Int64(group.pending)
    }

    private mutating func remember(_ mark: Mark) {
        if let last = marks.last {
            guard mark.newest != last.newest else { return }
            // Another stream, or one that has lost its end.
            if mark.newest < last.newest || mark.entriesAdded < last.entriesAdded { marks = [] }
        }
        marks.append(mark)
        // Of a backlog that lasts for hours every other survey is enough.
        if marks.count > BacklogEstimate.mostMarks {
            marks = marks.indices.filter { $0.isMultiple(of: 2) }.map { marks[$0] }
        }
    }
}
