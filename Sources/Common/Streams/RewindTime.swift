import Domain

/// From when on entries are to be delivered again, as an operator writes it.
public enum RewindTime: Hashable, Sendable {
    case at(Timestamp)
    /// So many milliseconds before now, by the clock of the streams server, which is the one that dates entries.
    case ago(Int64)

    /// Reads an RFC 3339 time, or a whole number with `s`, `m`, `h` or `d`, as in `90s`, `30m`, `2h`, `1d`.
    ///
    /// - Returns: nil for anything else, and for a duration that reaches back before the year 1.
    public init?(_ text: String) {
        if let time = Timestamp(rfc3339: text) {
            self = .at(time)
            return
        }
        guard let unit = text.last.flatMap({ RewindTime.units[$0] }),
            text.utf8.allSatisfy({ $0 != 0x2b && $0 != 0x2d }),
            let count = Int64(text.dropLast())
        else { return nil }
        let (milliseconds, isTooLong) = count.multipliedReportingOverflow(by: unit)
        guard !isTooLong, milliseconds <= -Timestamp.range.lowerBound else { return nil }
        self = .ago(milliseconds)
    }

    private static let units: [Character: Int64] = ["s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000]

    /// The moment meant, when the server's clock says `now`.
    public func resolved(at now: Timestamp) -> Timestamp {
        switch self {
        case .at(let time): time
        case .ago(let milliseconds): Timestamp(milliseconds: now.milliseconds - milliseconds)
        }
    }
}
