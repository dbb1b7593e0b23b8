#if canImport(Glibc)
import Glibc
#endif

/// A moment in UTC with millisecond precision, between the years 0001 and 9999.
public struct Timestamp: Hashable, Comparable, Sendable {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    public let milliseconds: Int64

    /// 0001-01-01T00:00:00Z to 9999-12-31T23:59:59.999Z: what RFC 3339 can write and Postgres accepts.
    public static let range: ClosedRange<Int64> = -62_135_596_800_000...253_402_300_799_999

    /// The moment, kept inside `range`.
    public init(milliseconds: Int64) {
        self.milliseconds = min(max(milliseconds, Timestamp.range.lowerBound), Timestamp.range.upperBound)
    }

    public static var now: Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(milliseconds: Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000)
    }

    public func advanced(bySeconds seconds: Int64) -> Timestamp {
        Timestamp(milliseconds: milliseconds + seconds * 1_000)
    }

    public static func < (left: Timestamp, right: Timestamp) -> Bool {
        left.milliseconds < right.milliseconds
    }

    /// Reads an RFC 3339 date-time with any offset; digits beyond milliseconds are cut off. A leap second, a day that
    /// does not exist, and a moment outside `range` are refused.
    public init?(rfc3339 text: some StringProtocol) {
        var scanner = DigitScanner(bytes: Array(text.utf8))
        guard let year = scanner.number(digits: 4), scanner.take("-"),
            let month = scanner.number(digits: 2), scanner.take("-"),
            let day = scanner.number(digits: 2), scanner.take("T") || scanner.take("t") || scanner.take(" "),
            let hour = scanner.number(digits: 2), scanner.take(":"),
            let minute = scanner.number(digits: 2), scanner.take(":"),
            let second = scanner.number(digits: 2),
            (1...12).contains(month), (1...Timestamp.days(inMonth: month, of: year)).contains(day),
            hour < 24, minute < 60, second < 60
        else { return nil }
        var fraction: Int64 = 0
        if scanner.take(".") {
            guard let milliseconds = scanner.fraction() else { return nil }
            fraction = milliseconds
        }
        guard let offset = scanner.offset(), scanner.isAtEnd else { return nil }
        let days = Timestamp.daysSinceEpoch(year: year, month: month, day: day)
        let seconds = days * 86_400 + hour * 3_600 + minute * 60 + second - offset
        let milliseconds = seconds * 1_000 + fraction
        guard year >= 1, Timestamp.range.contains(milliseconds) else { return nil }
        self.init(milliseconds: milliseconds)
    }

    /// Days from 1970-01-01 in the proleptic Gregorian calendar, counting years from March so that the leap day comes
    /// last.
    private static func daysSinceEpoch(year: Int64, month: Int64, day: Int64) -> Int64 {
        let year = month <= 2 ? year - 1 : year
        let era = (year >= 0 ? year : year - 399) / 400
        let yearOfEra = year - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    private static func days(inMonth month: Int64, of year: Int64) -> Int64 {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }
}

extension Timestamp: CustomStringConvertible {
    /// RFC 3339 in UTC with milliseconds, as in `2026-11-23T08:30:00.125Z`.
    public var description: String {
        let text = text
        return String(unsafeUninitializedCapacity: 24) { buffer in
            for index in 0..<24 { buffer[index] = text[index] }
            return 24
        }
    }

    /// The bytes of `description`.
    public var text: InlineArray<24, UInt8> {
        let (days, millisecondOfDay) = Timestamp.floorDivide(milliseconds, 86_400_000)
        let shifted = days + 719_468
        let (era, dayOfEra) = Timestamp.floorDivide(shifted, 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        let second = millisecondOfDay / 1_000
        var text = InlineArray<24, UInt8>(repeating: UInt8(ascii: "Z"))
        Timestamp.write(year, to: &text, 0..<4, then: "-")
        Timestamp.write(month, to: &text, 5..<7, then: "-")
        Timestamp.write(day, to: &text, 8..<10, then: "T")
        Timestamp.write(second / 3_600, to: &text, 11..<13, then: ":")
        Timestamp.write(second / 60 % 60, to: &text, 14..<16, then: ":")
        Timestamp.write(second % 60, to: &text, 17..<19, then: ".")
        Timestamp.write(millisecondOfDay % 1_000, to: &text, 20..<23, then: "Z")
        return text
    }

    private static func floorDivide(_ value: Int64, _ divisor: Int64) -> (Int64, Int64) {
        let remainder = (value % divisor + divisor) % divisor
        return ((value - remainder) / divisor, remainder)
    }

    /// Fills `places` with the number, and the place behind them.
    private static func write(
        _ value: Int64, to text: inout InlineArray<24, UInt8>, _ places: Range<Int>, then mark: Unicode.Scalar
    ) {
        var rest = UInt64(clamping: value)
        for place in places.reversed() {
            text[place] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        }
        text[places.upperBound] = UInt8(ascii: mark)
    }
}

extension Timestamp: Codable {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let parsed = Timestamp(rfc3339: try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "is not an RFC 3339 time")
        }
        self = parsed
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

/// Reads the fixed-width numbers of a date-time.
private struct DigitScanner {
    let bytes: [UInt8]
    var position = 0

    var isAtEnd: Bool { position == bytes.count }

    mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard position < bytes.count, bytes[position] == UInt8(truncatingIfNeeded: character.value) else {
            return false
        }
        position += 1
        return true
    }

    mutating func number(digits: Int) -> Int64? {
        guard position + digits <= bytes.count else { return nil }
        var value: Int64 = 0
        for byte in bytes[position..<position + digits] {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
            value = value * 10 + Int64(byte - UInt8(ascii: "0"))
        }
        position += digits
        return value
    }

    /// One to any number of digits after the point, as whole milliseconds.
    mutating func fraction() -> Int64? {
        var value: Int64 = 0
        var digits = 0
        while let digit = number(digits: 1) {
            if digits < 3 { value = value * 10 + digit }
            digits += 1
        }
        guard digits > 0 else { return nil }
        for _ in min(digits, 3)..<3 { value *= 10 }
        return value
    }

    /// `Z` or `+hh:mm`, in seconds east of UTC.
    mutating func offset() -> Int64? {
        if take("Z") || take("z") { return 0 }
        let isEast = take("+")
        guard isEast || take("-"), let hour = number(digits: 2), take(":"), let minute = number(digits: 2),
            hour < 24, minute < 60
        else { return nil }
        return (hour * 3_600 + minute * 60) * (isEast ? 1 : -1)
    }
}
