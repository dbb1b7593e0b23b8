import CHiredis
import Glibc
import Reactor

/// Makes connections that are ready for commands: connected, authenticated, on their database, named.
struct RedisConnector: Sendable {
    let configuration: RedisConfiguration

    /// - Throws: `RedisError` with code `.unavailable`, after at most the connect timeout for connecting (name
    ///   resolution not included) and as much again for the first exchange.
    func connect() async throws(RedisError) -> RedisConnection {
        let connection = try await open()
        let calls = greeting
        var group = WireGroup(calls.filter { $0.beginSending() })
        do {
            try await connection.exchange(&group, silence: configuration.connectTimeout)
        } catch {
            throw unavailable(error.detail)
        }
        for call in calls {
            guard case .success(let replies) = call.outcome, let refusal = replies.first?.error else { continue }
            // A name is for people only; an ACL may forbid it.
            if call.operation == "CLIENT" && refusal.prefix == "NOPERM" { continue }
            throw unavailable("\(call.operation): \(refusal.message)", prefix: refusal.prefix)
        }
        return connection
    }

    private var greeting: [RedisCall] {
        var commands: [RedisCommand] = []
        if let password = configuration.password {
            commands.append(RedisCommand("AUTH", configuration.user.map { [$0] } ?? [], [password]))
        }
        if configuration.database != 0 { commands.append(["SELECT", configuration.database]) }
        let name = configuration.clientName.map { (0x21...0x7e).contains($0.asciiValue ?? 0) ? $0 : "-" }
        commands.append(["CLIENT", "SETNAME", String(name)])
        return commands.map { command in
            RedisCall(
                command.name, WireCommands(command), isAtomic: true, deadline: .now + configuration.connectTimeout)
        }
    }

    /// Threads of its own: a server that does not answer must not hold up connecting to anything else.
    private static let connecting = BlockingCalls(threads: 4, queue: 1_000)

    private func open() async throws(RedisError) -> RedisConnection {
        let configuration = configuration
        let result: Result<RedisConnection, RedisError>
        do {
            result = try await RedisConnector.connecting.run {
                Result { () throws(RedisError) in try RedisConnector.open(configuration) }
            }
        } catch {
            throw unavailable("\(error)")
        }
        do { return try result.get() } catch { throw unavailable(error.detail) }
    }

    private static func open(_ configuration: RedisConfiguration) throws(RedisError) -> RedisConnection {
        let parts = configuration.connectTimeout.components
        let timeout = timeval(
            tv_sec: Int(clamping: parts.seconds), tv_usec: Int(clamping: parts.attoseconds / 1_000_000_000_000))
        let made =
            switch configuration.address {
            case .tcp(let host, let port): unsafe redisConnectWithTimeout(host, port, timeout)
            case .unix(let path): unsafe redisConnectUnixWithTimeout(path, timeout)
            }
        guard let context = unsafe made else {
            throw RedisError(.unavailable, "connect", "out of memory")
        }
        guard unsafe context.pointee.err == 0 else {
            let text = unsafe withUnsafeBytes(of: context.pointee.errstr) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            unsafe redisFree(context)
            throw RedisError(.unavailable, "connect", text)
        }
        if case .tcp = configuration.address {
            // hiredis has switched Nagle's delay off; keepalive finds a peer that vanished while nothing was asked.
            _ = unsafe redisEnableKeepAlive(context)
        }
        guard let reader = ReplyReader() else {
            unsafe redisFree(context)
            throw RedisError(.unavailable, "connect", "out of memory")
        }
        return unsafe RedisConnection(owning: context, reader)
    }

    private func unavailable(_ detail: String, prefix: String? = nil) -> RedisError {
        RedisError(.unavailable, "connect", "\(configuration): \(detail)", prefix: prefix)
    }
}
