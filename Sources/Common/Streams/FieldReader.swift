import Domain
import Redis

/// Picks the fields of an entry by name in one pass, and reads values from their bytes.
struct FieldReader {
    private let entry: StreamEntry
    private let names: [StaticString]
    /// Where each name stands in the entry; -1 for nowhere.
    private var places = InlineArray<12, Int>(repeating: -1)

    /// Unknown fields are ignored, so that newer producers may add some.
    ///
    /// - Parameter names: at most twelve, in the order in which they are usually written.
    init(_ entry: StreamEntry, _ names: [StaticString]) throws(EntryError) {
        if entry.isDeleted { throw EntryError(field: "entry", .deleted) }
        self.entry = entry
        self.names = names
        for position in 0..<entry.fieldCount {
            guard let name = entry.name(at: position), let index = index(of: name, near: position) else { continue }
            if places[index] >= 0 { throw EntryError(field: names[index].description, .repeated) }
            places[index] = position
        }
    }

    private func index(of name: RedisReply, near position: Int) -> Int? {
        if position < names.count, name.equals(names[position]) { return position }
        return names.indices.first { name.equals(names[$0]) }
    }

    func optional(_ index: Int) -> RedisReply? { places[index] < 0 ? nil : entry.value(at: places[index]) }

    func required(_ index: Int) throws(EntryError) -> RedisReply {
        guard let value = optional(index) else { throw EntryError(field: names[index].description, .missing) }
        return value
    }

    func invalid(_ index: Int, _ expectation: String) -> EntryError {
        EntryError(field: names[index].description, .invalid(expectation))
    }

    func identifier(_ index: Int) throws(EntryError) -> Identifier {
        let id = try required(index).withBytes { parseIdentifier($0) } ?? nil
        guard let id else { throw invalid(index, "a UUID") }
        return id
    }

    func timestamp(_ index: Int) throws(EntryError) -> Timestamp {
        let reply = try required(index)
        if let time = reply.withBytes({ parseTimestamp($0) }) ?? nil { return time }
        guard let text = reply.validString, let time = Timestamp(rfc3339: text) else {
            throw invalid(index, "an RFC 3339 time from year 1 to 9999")
        }
        return time
    }

    func eventType(_ index: Int) throws(EntryError) -> EventType {
        let reply = try required(index)
        if reply.equals("UserSignIn") { return .signIn }
        if reply.equals("NewUserSignIn") { return .firstSignIn }
        guard let text = reply.validString, let type = EventType(text) else {
            throw invalid(index, "an event type: a letter, then up to 63 letters or digits")
        }
        return type
    }

    /// A decimal number without sign, spaces or leading zeros, within `range`.
    func number<Number: FixedWidthInteger>(
        _ index: Int, in range: ClosedRange<Number>, _ expectation: String
    ) throws(EntryError) -> Number {
        let text = try required(index).validString ?? ""
        guard let number = Number(text), range.contains(number), String(number) == text else {
            throw invalid(index, expectation)
        }
        return number
    }
}

/// The 36-character form in either case; as `Identifier(utf8:)`, for the path on which every entry goes.
func parseIdentifier(_ bytes: Span<UInt8>) -> Identifier? {
    guard bytes.count == 36 else { return nil }
    var (high, low): (UInt64, UInt64) = (0, 0)
    for index in 0..<36 {
        let byte = bytes[index]
        if index == 8 || index == 13 || index == 18 || index == 23 {
            guard byte == UInt8(ascii: "-") else { return nil }
            continue
        }
        let digit: UInt8
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte - UInt8(ascii: "A") + 10
        default: return nil
        }
        if index < 18 { high = high << 4 | UInt64(digit) } else { low = low << 4 | UInt64(digit) }
    }
    return Identifier(high: high, low: low)
}

/// Exactly `2026-11-23T08:30:00.125Z`, as every producer here writes it; nil sends the value to the full reader.
func parseTimestamp(_ bytes: Span<UInt8>) -> Timestamp? {
    guard bytes.count == 24, bytes[4] == UInt8(ascii: "-"), bytes[7] == UInt8(ascii: "-"),
        bytes[10] == UInt8(ascii: "T"), bytes[13] == UInt8(ascii: ":"), bytes[16] == UInt8(ascii: ":"),
        bytes[19] == UInt8(ascii: "."), bytes[23] == UInt8(ascii: "Z"),
        let year = decimal(bytes, 0..<4), let month = decimal(bytes, 5..<7), let day = decimal(bytes, 8..<10),
        let hour = decimal(bytes, 11..<13), let minute = decimal(bytes, 14..<16),
        let second = decimal(bytes, 17..<19), let millisecond = decimal(bytes, 20..<23),
        // Month ends and leap days are the full reader's.
        year >= 1, (1...12).contains(month), (1...28).contains(day), hour < 24, minute < 60, second < 60
    else { return nil }
    // Days in the proleptic Gregorian calendar, counting years from March.
    let shifted = month <= 2 ? year - 1 : year
    let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
    let days = shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + dayOfYear - 719_468
    return Timestamp(milliseconds: (days * 86_400 + hour * 3_600 + minute * 60 + second) * 1_000 + millisecond)
}

private func decimal(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Int64? {
    var value: Int64 = 0
    for index in range {
        let byte = bytes[index]
        guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { return nil }
        value = value * 10 + Int64(byte - UInt8(ascii: "0"))
    }
    return value
}
