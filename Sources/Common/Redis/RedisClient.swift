import Logging
import Reactor
import Synchronization

/// An asynchronous client with one connection, made when first needed and replaced when it breaks.
///
/// Calls from any number of tasks share the connection: while one group of commands is answered the next gathers, so
/// with `appendfsync always` one fsync serves a whole group. Every call ends, whatever the server does, within the
/// command timeout; a cancelled one ends at once. A command is never sent twice by the client itself.
public final class RedisClient: Sendable {
    struct State {
        var queue: CallQueue
        /// Where the connection stays while nobody uses it.
        var parked: RedisConnection?
        var isConnected = false
        var pump: Task<Void, Never>?
        var backoff = Backoff(base: .milliseconds(50), cap: .seconds(1))
        var lastReadOnlyReconnect: ContinuousClock.Instant?
    }

    public let configuration: RedisConfiguration
    let connector: RedisConnector
    let logger: Logger
    let state: Mutex<State>

    public init(_ configuration: RedisConfiguration, logger: Logger) {
        self.configuration = configuration
        connector = RedisConnector(configuration: configuration)
        self.logger = logger
        state = Mutex(State(queue: CallQueue(limit: configuration.queueLimit)))
    }

    /// Whether the last use of the connection left it working. A connection that broke since is noticed with the
    /// next command.
    public var isConnected: Bool { state.withLock { $0.isConnected } }

    /// A client with a connection of its own to the same server, for blocking reads or to keep bulk work apart.
    ///
    /// A blocking command must name a time well below the command timeout, and never 0.
    public func dedicated(name: String) -> RedisClient {
        var configuration = configuration
        configuration.clientName += "-\(name)"
        return RedisClient(configuration, logger: logger)
    }

    /// Sends one command.
    ///
    /// - Parameter limit: how long the caller waits, if that is less than the command timeout.
    /// - Throws: `RedisError`; an error reply is thrown with code `.server`.
    public func send(_ command: RedisCommand, within limit: Duration? = nil) async throws(RedisError) -> RedisReply {
        let replies = try await call(command.name, WireCommands(command), isAtomic: true, within: limit)
        guard let reply = replies.first else {
            throw RedisError(.protocolViolation, command.name, "no reply")
        }
        if let refusal = reply.error { throw refusal.thrown(by: command.name) }
        return reply
    }

    /// Sends commands adjacent to each other and returns their replies in order; after `outcomeUnknown` some of them may
    /// have run.
    ///
    /// - Returns: as many replies as commands, MULTI and EXEC among them; error replies too, not thrown.
    /// - Throws: `RedisError`, never with code `.server`.
    public func pipeline(_ commands: RedisPipeline) async throws(RedisError) -> [RedisReply] {
        if commands.isEmpty { return [] }
        if commands.wire.count == 1 { return try await call(commands.name, commands.wire, isAtomic: true) }
        return try await call("pipeline of \(commands.name)", commands.wire, isAtomic: false)
    }

    /// Runs the commands of a transaction: all of them, with nothing between them, or none.
    ///
    /// - Parameter limit: how long the caller waits, if that is less than the command timeout.
    /// - Returns: an array of as many replies as commands. A command that fails while it runs (a key of the wrong type) is
    ///   an error reply among them: the server does not undo the others.
    /// - Throws: `RedisError`; a transaction that the server discarded has code `.server` and the prefix of the reason.
    public func run(_ transaction: RedisTransaction, within limit: Duration? = nil) async throws(RedisError)
        -> RedisReply
    {
        let (operation, count) = ("MULTI of \(transaction.name)", transaction.commandCount)
        let replies = try await call(operation, transaction.closed(), isAtomic: true, within: limit)
        guard let last = replies.last else { throw RedisError(.protocolViolation, operation, "no reply") }
        if let discarded = last.error {
            // The command that was refused while queued says more than EXECABORT.
            let reason = replies.dropLast().lazy.compactMap(\.error).first ?? discarded
            throw reason.thrown(by: operation)
        }
        guard last.kind == .array, last.count == count else {
            throw RedisError(.protocolViolation, operation, "\(last.count) results for \(count) commands")
        }
        return last
    }

    /// As above, for commands of any names.
    public func transaction(_ commands: [RedisCommand]) async throws(RedisError) -> [RedisReply] {
        guard let first = commands.first else { return [] }
        var transaction = RedisTransaction(first.name, reserving: commands.reduce(0) { $0 + $1.encodedCount })
        for command in commands { transaction.add(command) }
        return Array(try await run(transaction).elements)
    }

    /// Runs a script, sending its text only to a server that does not have it yet.
    ///
    /// - Throws: `RedisError` as `send` does, with the script's name as the operation.
    public func run(
        _ script: RedisScript, keys: [String], arguments: [any RedisArgument] = []
    ) async throws(RedisError) -> RedisReply {
        func command(_ name: String, _ body: String) -> RedisCommand {
            var command = RedisCommand(name, [body, keys.count])
            for key in keys { command.append(key) }
            for argument in arguments { argument.write(to: &command) }
            return command
        }
        let known = try await call(script.name, WireCommands(command("EVALSHA", script.digest)), isAtomic: true)
        var reply = known.first
        if reply?.error?.prefix == "NOSCRIPT" {
            reply = try await call(script.name, WireCommands(command("EVAL", script.source)), isAtomic: true).first
        }
        guard let reply else { throw RedisError(.protocolViolation, script.name, "no reply") }
        if let refusal = reply.error { throw refusal.thrown(by: script.name) }
        return reply
    }

    /// Takes no more calls, lets those that were accepted end, and closes the connection. Takes no longer than a
    /// connect and a command may; when the calling task is cancelled, what is under way is given up.
    public func close() async {
        let pump = state.withLock { state in
            state.queue.close()
            return state.pump
        }
        if let pump {
            let (ended, end) = AsyncStream<Never>.makeStream()
            Task.detached {
                await pump.value
                end.finish()
            }
            // Ends early when this task is cancelled; what is under way is cut short then.
            for await _ in ended {}
            pump.cancel()
        }
        state.withLock { state in
            state.parked = nil
            state.isConnected = false
        }
    }

    private func call(
        _ operation: String, _ wire: WireCommands, isAtomic: Bool, within limit: Duration? = nil
    ) async throws(RedisError) -> [RedisReply] {
        let patience = min(limit ?? configuration.commandTimeout, configuration.commandTimeout)
        let call = RedisCall(operation, wire, isAtomic: isAtomic, deadline: .now + patience)
        let outcome = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                if call.arm(continuation) { admit(call) }
            }
        } onCancel: {
            call.fail(RedisError(.cancelled, operation, "the task was cancelled"))
        }
        return try outcome.get()
    }
}
