/// Commands that take effect together or not at all: MULTI … EXEC, encoded as it is built.
public struct RedisTransaction: Sendable {
    /// Of the first command, for error messages.
    public let name: String
    public private(set) var commandCount = 0
    private(set) var wire = WireCommands()
    /// Each command is built here.
    private var command: RedisCommand

    /// - Parameter bytes: how many the commands will have, about.
    public init(_ name: String, reserving bytes: Int) {
        self.name = name
        command = RedisCommand(name)
        wire.reserve(bytes + 64)
        wire.append(["MULTI"])
    }

    /// Adds a command of the name; `write` appends its arguments.
    public mutating func add(_ write: (inout RedisCommand) -> Void) {
        command.restart()
        write(&command)
        add(command)
    }

    public mutating func add(_ command: RedisCommand) {
        wire.append(command)
        commandCount += 1
    }

    /// All of it on the wire.
    consuming func closed() -> WireCommands {
        wire.append(["EXEC"])
        return wire
    }
}

/// Commands as they follow one another on the wire.
struct WireCommands: Sendable {
    private(set) var bytes: [UInt8] = []
    private(set) var count = 0
    /// Where the first of them ends.
    private(set) var firstEnd = 0

    init() {}

    init(_ command: RedisCommand) {
        bytes.reserveCapacity(command.encodedCount)
        append(command)
    }

    mutating func reserve(_ count: Int) {
        bytes.reserveCapacity(count)
    }

    mutating func append(_ command: RedisCommand) {
        command.encode(into: &bytes)
        count += 1
        if count == 1 { firstEnd = bytes.count }
    }

    mutating func append(_ others: WireCommands) {
        guard others.count > 0 else { return }
        if count == 0 {
            self = others
            return
        }
        bytes.append(contentsOf: others.bytes)
        count += others.count
    }
}
