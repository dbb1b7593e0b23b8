/// Commands that go out one after the other in one round trip, encoded as they are added. They are not a transaction:
/// another client's commands may run between them.
public struct RedisPipeline: Sendable, ExpressibleByArrayLiteral {
    /// Of the first command, for error messages.
    public private(set) var name = ""
    private(set) var wire = WireCommands()

    public init(_ commands: some Sequence<RedisCommand>) {
        for command in commands { add(command) }
    }

    public init(arrayLiteral commands: RedisCommand...) {
        self.init(commands)
    }

    public var isEmpty: Bool { wire.count == 0 }

    public mutating func add(_ command: RedisCommand) {
        if isEmpty { name = command.name }
        wire.append(command)
    }

    /// Adds a transaction, which stays one.
    public mutating func add(_ transaction: consuming RedisTransaction) {
        if isEmpty { name = transaction.name }
        wire.append(transaction.closed())
    }

    public mutating func add(_ other: RedisPipeline) {
        if isEmpty { name = other.name }
        wire.append(other.wire)
    }
}
