/// Where and why a text is not JSON.
struct JSONError: Error, Equatable {
    let offset: Int
    let reason: String
}

/// Reads one JSON value from UTF-8 bytes, strictly by RFC 8259: no comments, no trailing commas, no bad UTF-8, no lone
/// surrogates, no name twice in one object, and nothing nested deeper than `deepest`.
struct JSONParser {
    static let deepest = 32

    private let bytes: [UInt8]
    private var position = 0

    private init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    static func parse(_ bytes: [UInt8]) throws(JSONError) -> JSON {
        var parser = JSONParser(bytes)
        parser.skipBlanks()
        let value = try parser.value(depth: 0)
        parser.skipBlanks()
        guard parser.position == bytes.count else { throw parser.error("something follows the value") }
        return value
    }

    private func error(_ reason: String) -> JSONError {
        JSONError(offset: position, reason: reason)
    }

    private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func skipBlanks() {
        while let byte = next, byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 { position += 1 }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard next == byte else { return false }
        position += 1
        return true
    }

    private mutating func value(depth: Int) throws(JSONError) -> JSON {
        guard depth <= JSONParser.deepest else { throw error("nested too deeply") }
        switch next {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try array(depth: depth)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case UInt8(ascii: "-"): return try number()
        case let byte? where (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte): return try number()
        case nil: throw error("the text ends where a value should stand")
        default: throw error("no value begins like this")
        }
    }

    private mutating func word(_ word: StaticString, _ value: JSON) throws(JSONError) -> JSON {
        let end = position + word.utf8CodeUnitCount
        guard end <= bytes.count, String(decoding: bytes[position..<end], as: UTF8.self) == "\(word)" else {
            throw error("no value begins like this")
        }
        position = end
        return value
    }

    private mutating func array(depth: Int) throws(JSONError) -> JSON {
        position += 1
        var values: [JSON] = []
        skipBlanks()
        if take(UInt8(ascii: "]")) { return .array(values) }
        while true {
            skipBlanks()
            values.append(try value(depth: depth + 1))
            skipBlanks()
            if take(UInt8(ascii: "]")) { return .array(values) }
            guard take(UInt8(ascii: ",")) else { throw error("a comma or ] should stand here") }
        }
    }

    private mutating func object(depth: Int) throws(JSONError) -> JSON {
        position += 1
        var members: [JSON.Member] = []
        var names = Names()
        skipBlanks()
        if take(UInt8(ascii: "}")) { return .object(members) }
        while true {
            skipBlanks()
            guard next == UInt8(ascii: "\"") else { throw error("a name in quotes should stand here") }
            let start = position
            let name = try string()
            guard names.insert(name, after: members) else {
                throw JSONError(offset: start, reason: "this name stands here for the second time")
            }
            skipBlanks()
            guard take(UInt8(ascii: ":")) else { throw error("a colon should stand here") }
            skipBlanks()
            members.append(JSON.Member(name: name, value: try value(depth: depth + 1)))
            skipBlanks()
            if take(UInt8(ascii: "}")) { return .object(members) }
            guard take(UInt8(ascii: ",")) else { throw error("a comma or } should stand here") }
        }
    }

    /// The names of one object. Two values of one name are read differently by different programs, so there is none to
    /// agree on. Names are compared as bytes, where Swift takes some for equal.
    private struct Names {
        /// Up to so many are looked through, which is faster.
        private static let few = 8
        private var many: Set<[UInt8]> = []

        /// - Returns: false if one of the `members` before has this name.
        mutating func insert(_ name: String, after members: [JSON.Member]) -> Bool {
            if members.count < Names.few {
                return !members.contains { $0.name.utf8.elementsEqual(name.utf8) }
            }
            if many.isEmpty { many = Set(members.map { Array($0.name.utf8) }) }
            return many.insert(Array(name.utf8)).inserted
        }
    }

    private mutating func number() throws(JSONError) -> JSON {
        let start = position
        _ = take(UInt8(ascii: "-"))
        let first = next
        guard skipDigits() > 0 else { throw error("a digit should stand here") }
        if first == UInt8(ascii: "0"), position - start > (bytes[start] == UInt8(ascii: "-") ? 2 : 1) {
            throw JSONError(offset: start, reason: "a number does not begin with 0")
        }
        var isWhole = true
        if take(UInt8(ascii: ".")) {
            isWhole = false
            guard skipDigits() > 0 else { throw error("a digit should stand here") }
        }
        if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
            isWhole = false
            if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
            guard skipDigits() > 0 else { throw error("a digit should stand here") }
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        if isWhole, let value = Int64(text) { return .integer(value) }
        guard let value = Double(text), value.isFinite else {
            throw JSONError(offset: start, reason: "the number is too large")
        }
        // JSON knows one kind of number: 5.0 is as whole as 5 is.
        return Int64(exactly: value).map(JSON.integer) ?? .number(value)
    }

    private mutating func skipDigits() -> Int {
        let start = position
        while let byte = next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { position += 1 }
        return position - start
    }

    private mutating func string() throws(JSONError) -> String {
        position += 1
        let start = position
        var unescaped: [UInt8] = []
        var copied = start
        while let byte = next {
            switch byte {
            case UInt8(ascii: "\""):
                let rest = bytes[copied..<position]
                position += 1
                // Most strings stand there as they are.
                let text =
                    copied == start
                    ? String(validating: rest, as: UTF8.self) : String(validating: unescaped + rest, as: UTF8.self)
                guard let text else { throw JSONError(offset: start, reason: "the string is not UTF-8") }
                return text
            case UInt8(ascii: "\\"):
                unescaped.append(contentsOf: bytes[copied..<position])
                position += 1
                try escape(into: &unescaped)
                copied = position
            case ..<0x20: throw error("a control character must be escaped")
            default: position += 1
            }
        }
        throw error("the text ends within a string")
    }

    private mutating func escape(into unescaped: inout [UInt8]) throws(JSONError) {
        let letter = next
        position += 1
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): unescaped.append(letter ?? 0)
        case UInt8(ascii: "b"): unescaped.append(0x08)
        case UInt8(ascii: "f"): unescaped.append(0x0c)
        case UInt8(ascii: "n"): unescaped.append(0x0a)
        case UInt8(ascii: "r"): unescaped.append(0x0d)
        case UInt8(ascii: "t"): unescaped.append(0x09)
        case UInt8(ascii: "u"): unescaped.append(contentsOf: try scalar().utf8)
        default:
            position -= 1
            throw error("there is no such escape")
        }
    }

    /// A code point after `\u`, from one or, beyond the basic plane, two groups of four digits.
    private mutating func scalar() throws(JSONError) -> String {
        let high = try fourDigits()
        var code = high
        if (0xd800...0xdbff).contains(high) {
            guard take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")) else { throw error("half a character") }
            let low = try fourDigits()
            guard (0xdc00...0xdfff).contains(low) else { throw error("half a character") }
            code = 0x10000 + (high - 0xd800) << 10 + (low - 0xdc00)
        }
        guard let scalar = Unicode.Scalar(code) else { throw error("half a character") }
        return String(Character(scalar))
    }

    private mutating func fourDigits() throws(JSONError) -> UInt32 {
        guard position + 4 <= bytes.count,
            bytes[position..<position + 4].allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
            let value = UInt32(String(decoding: bytes[position..<position + 4], as: UTF8.self), radix: 16)
        else { throw error("four hexadecimal digits should stand here") }
        position += 4
        return value
    }
}
