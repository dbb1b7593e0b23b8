import Domain
import Postgres

/// The place of a row in a list that is ordered by a time and an id: what a cursor tells. Times are kept to the microsecond,
/// as Postgres does; cut to milliseconds they would skip rows or repeat them.
public struct ListPosition: Sendable, Hashable {
    /// Since 1970-01-01T00:00:00Z.
    public let microseconds: Int64
    public let id: Identifier

    /// - Parameter microseconds: kept between the years 0001 and 9999.
    public init(microseconds: Int64, id: Identifier) {
        let range = (Timestamp.range.lowerBound * 1_000)...(Timestamp.range.upperBound * 1_000 + 999)
        self.microseconds = min(max(microseconds, range.lowerBound), range.upperBound)
        self.id = id
    }

    /// Before every row there is.
    public static let start = ListPosition(
        microseconds: Timestamp.range.lowerBound * 1_000, id: Identifier(high: 0, low: 0))

    /// SQL for the time.
    var time: SQL {
        // In two parts, each of which a double keeps exactly: Postgres multiplies intervals as such.
        let (seconds, rest) = microseconds.quotientAndRemainder(dividingBy: 1_000_000)
        return """
            ('epoch'::timestamptz + \(seconds) * interval '1 second' + \(rest) * interval '1 microsecond')
            """
    }

    /// SQL for the time of a column as a position tells it.
    static func microseconds(of column: String) -> String {
        "(extract(epoch FROM \(column)) * 1000000)::bigint"
    }
}
