import Streams

/// How many sign-ins wait in the stream to be recorded: what the server tells, or a number that they cannot exceed.
struct BacklogEstimate: Sendable {
    private var known: (undone: Int64, entriesAdded: Int64)?

    /// Takes in what a survey has seen.
    ///
    /// - Returns: the number of entries, never too low.
    mutating func learn(_ stream: StreamSurvey.Stream) -> Int64 {
        if let undone = stream.undone {
            known = (Int64(undone), stream.entriesAdded)
            return Int64(undone)
        }
        // The server loses count when an entry that was not delivered yet is deleted. Entries that wait now waited when
        // it last knew, or were added since; those that are done are kept for a while and must not shed load.
        guard let known, stream.entriesAdded >= known.entriesAdded else { return Int64(stream.length) }
        return min(Int64(stream.length), known.undone + stream.entriesAdded - known.entriesAdded)
    }
}
