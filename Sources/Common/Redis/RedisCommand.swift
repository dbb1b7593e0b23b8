/// Something that can stand in a command. Arguments are binary-safe: any bytes, of any length.
public protocol RedisArgument: Sendable {
    func write(to command: inout RedisCommand)
}

extension String: RedisArgument {
    public func write(to command: inout RedisCommand) { command.append(self) }
}

extension Int: RedisArgument {
    public func write(to command: inout RedisCommand) { command.append(String(self)) }
}

extension Int64: RedisArgument {
    public func write(to command: inout RedisCommand) { command.append(String(self)) }
}

extension [UInt8]: RedisArgument {
    public func write(to command: inout RedisCommand) { command.append(bytes: self) }
}

/// One command, encoded as it is built (RESP2).
public struct RedisCommand: Sendable, ExpressibleByArrayLiteral {
    /// The first argument, in error messages.
    public let name: String
    public private(set) var argumentCount = 0
    /// Everything but the array header, which is written when the number of arguments is final.
    private(set) var body: [UInt8] = []

    public init(_ name: String) {
        self.name = name
        append(name)
    }

    public init(_ name: String, _ arguments: [any RedisArgument]...) {
        self.init(name)
        for argument in arguments.joined() { argument.write(to: &self) }
    }

    public init(arrayLiteral arguments: any RedisArgument...) {
        name = arguments.first as? String ?? ""
        for argument in arguments { argument.write(to: &self) }
    }

    public mutating func reserve(bytes: Int) {
        body.reserveCapacity(body.count + bytes)
    }

    public mutating func append(_ text: String) {
        appendHeader(length: text.utf8.count)
        body.append(contentsOf: text.utf8)
        endArgument()
    }

    public mutating func append(bytes: some Collection<UInt8>) {
        appendHeader(length: bytes.count)
        body.append(contentsOf: bytes)
        endArgument()
    }

    /// Appends an argument of the length of `span`.
    public mutating func append(_ span: Span<UInt8>) {
        appendHeader(length: span.count)
        unsafe span.withUnsafeBufferPointer { bytes in unsafe body.append(contentsOf: bytes) }
        endArgument()
    }

    public mutating func append(_ argument: some RedisArgument) {
        argument.write(to: &self)
    }

    /// At least as many as there are on the wire.
    var encodedCount: Int { body.count + 24 }

    /// Another command in the same memory.
    mutating func restart() {
        body.removeAll(keepingCapacity: true)
        argumentCount = 0
        append(name)
    }

    /// Appends the command as it stands on the wire.
    public func encode(into buffer: inout [UInt8]) {
        RedisCommand.appendNumber(UInt8(ascii: "*"), argumentCount, to: &buffer)
        buffer.append(contentsOf: body)
    }

    private mutating func appendHeader(length: Int) {
        argumentCount += 1
        RedisCommand.appendNumber(UInt8(ascii: "$"), length, to: &body)
    }

    private mutating func endArgument() {
        body.append(UInt8(ascii: "\r"))
        body.append(UInt8(ascii: "\n"))
    }

    private static func appendNumber(_ marker: UInt8, _ number: Int, to buffer: inout [UInt8]) {
        buffer.append(marker)
        if number < 10 {
            buffer.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: number))
        } else if number < 100 {
            buffer.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: number / 10))
            buffer.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: number % 10))
        } else {
            buffer.append(contentsOf: String(number).utf8)
        }
        buffer.append(UInt8(ascii: "\r"))
        buffer.append(UInt8(ascii: "\n"))
    }
}
