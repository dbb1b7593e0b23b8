import Redis

/// The id of a stream entry: the server's milliseconds when it was added, and a number within them.
public struct StreamID: Hashable, Comparable, Sendable {
    public let milliseconds: UInt64
    public let sequence: UInt64

    public static let zero = StreamID(milliseconds: 0, sequence: 0)

    public init(milliseconds: UInt64, sequence: UInt64) {
        self.milliseconds = milliseconds
        self.sequence = sequence
    }

    /// Reads `milliseconds-sequence`, and nothing else.
    public init?(_ text: String) {
        let parsed = text.utf8.withContiguousStorageIfAvailable { StreamID(bytes: $0.span) }
        guard let id = parsed ?? StreamID(bytes: Array(text.utf8).span) else { return nil }
        self = id
    }

    public init?(bytes: Span<UInt8>) {
        var numbers: (UInt64, UInt64) = (0, 0)
        var digits = 0
        var isSequence = false
        for index in bytes.indices {
            let byte = bytes[index]
            if byte == UInt8(ascii: "-") {
                guard !isSequence, digits > 0 else { return nil }
                isSequence = true
                digits = 0
                continue
            }
            guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { return nil }
            let digit = UInt64(byte - UInt8(ascii: "0"))
            let (shifted, isTooLong) = (isSequence ? numbers.1 : numbers.0).multipliedReportingOverflow(by: 10)
            let (value, isTooBig) = shifted.addingReportingOverflow(digit)
            guard !isTooLong, !isTooBig else { return nil }
            if isSequence { numbers.1 = value } else { numbers.0 = value }
            digits += 1
        }
        guard isSequence, digits > 0 else { return nil }
        self.init(milliseconds: numbers.0, sequence: numbers.1)
    }

    init?(_ reply: RedisReply?) {
        guard let id = reply?.withBytes({ StreamID(bytes: $0) }) ?? nil else { return nil }
        self = id
    }

    public static func < (left: StreamID, right: StreamID) -> Bool {
        left.milliseconds != right.milliseconds
            ? left.milliseconds < right.milliseconds : left.sequence < right.sequence
    }
}

extension StreamID: CustomStringConvertible {
    public var description: String { "\(milliseconds)-\(sequence)" }
}

extension StreamID: RedisArgument {
    public func write(to command: inout RedisCommand) {
        command.append(description)
    }
}
