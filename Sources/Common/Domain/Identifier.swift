/// A 128-bit identifier in the form of RFC 9562 (a UUID), compared byte by byte, so that version 7 sorts by time.
public struct Identifier: Hashable, Comparable, Sendable {
    public let high: UInt64
    public let low: UInt64

    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Reads the 36-character form in either case, and nothing else.
    public init?(_ text: String) {
        var text = text
        let parsed = text.withUTF8 { Identifier(utf8: $0) }
        guard let parsed else { return nil }
        self = parsed
    }

    /// Reads the 36-character form from ASCII bytes.
    public init?(utf8 bytes: some Collection<UInt8>) {
        guard bytes.count == 36 else { return nil }
        var high: UInt64 = 0
        var low: UInt64 = 0
        var digits = 0
        for (offset, byte) in bytes.enumerated() {
            if offset == 8 || offset == 13 || offset == 18 || offset == 23 {
                guard byte == UInt8(ascii: "-") else { return nil }
                continue
            }
            guard let value = Identifier.value(ofHexDigit: byte) else { return nil }
            if digits < 16 { high = high << 4 | value } else { low = low << 4 | value }
            digits += 1
        }
        self.init(high: high, low: low)
    }

    /// The first sixteen of `bytes`, big-endian; nil when there are fewer.
    public init?(bytes: some Collection<UInt8>) {
        guard bytes.count >= 16 else { return nil }
        let prefix = bytes.prefix(16)
        self.init(
            high: prefix.prefix(8).reduce(0) { $0 << 8 | UInt64($1) },
            low: prefix.dropFirst(8).reduce(0) { $0 << 8 | UInt64($1) })
    }

    /// The version digit: 4 random, 7 time-ordered, 8 derived by this project.
    public var version: Int { Int(high >> 12 & 0xf) }

    /// A time-ordered identifier (RFC 9562, section 5.7): milliseconds, then 74 random bits.
    public static func timeOrdered(at now: Timestamp) -> Identifier {
        var generator = SystemRandomNumberGenerator()
        return timeOrdered(at: now, using: &generator)
    }

    public static func timeOrdered(
        at now: Timestamp, using generator: inout some RandomNumberGenerator
    ) -> Identifier {
        let milliseconds = UInt64(clamping: now.milliseconds) & 0xffff_ffff_ffff
        return Identifier(high: milliseconds << 16 | generator.next() & 0xffff, low: generator.next()).marked(
            version: 7)
    }

    /// A random identifier (RFC 9562, section 5.4).
    public static func random() -> Identifier {
        var generator = SystemRandomNumberGenerator()
        return Identifier(high: generator.next(), low: generator.next()).marked(version: 4)
    }

    /// The same bits with the version and the variant of RFC 9562 written over them.
    public func marked(version: UInt64) -> Identifier {
        Identifier(
            high: high & 0xffff_ffff_ffff_0fff | version << 12,
            low: low & 0x3fff_ffff_ffff_ffff | 0x8000_0000_0000_0000)
    }

    public static func < (left: Identifier, right: Identifier) -> Bool {
        left.high != right.high ? left.high < right.high : left.low < right.low
    }

    /// The sixteen bytes, big-endian.
    public var bytes: [UInt8] {
        (0..<16).map { index in
            UInt8(truncatingIfNeeded: (index < 8 ? high : low) >> UInt64(56 - index % 8 * 8))
        }
    }

    private static func value(ofHexDigit byte: UInt8) -> UInt64? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt64(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt64(byte - UInt8(ascii: "a") + 10)
        case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt64(byte - UInt8(ascii: "A") + 10)
        default: nil
        }
    }
}

extension Identifier: CustomStringConvertible {
    /// The 36-character form in lower case.
    public var description: String {
        let text = text
        return String(unsafeUninitializedCapacity: 36) { buffer in
            for index in 0..<36 { buffer[index] = text[index] }
            return 36
        }
    }

    /// The bytes of `description`.
    public var text: InlineArray<36, UInt8> {
        var text = InlineArray<36, UInt8>(repeating: UInt8(ascii: "-"))
        var (high, low) = (high, low)
        // Two digits of each half at a time, from the end.
        for index in stride(from: 7, through: 0, by: -1) {
            // Hyphens stand before the fifth, seventh, ninth and eleventh byte.
            let front = index * 2 + (index >= 4 ? 1 : 0) + (index >= 6 ? 1 : 0)
            let back = 16 + index * 2 + 3 + (index >= 2 ? 1 : 0)
            text[front] = Identifier.digit(high >> 4)
            text[front + 1] = Identifier.digit(high)
            text[back] = Identifier.digit(low >> 4)
            text[back + 1] = Identifier.digit(low)
            high >>= 8
            low >>= 8
        }
        return text
    }

    private static func digit(_ value: UInt64) -> UInt8 {
        let nibble = UInt8(truncatingIfNeeded: value & 0xf)
        return nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") - 10 + nibble
    }
}

extension Identifier: Codable {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let parsed = Identifier(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "is not a UUID")
        }
        self = parsed
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
