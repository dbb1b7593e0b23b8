/// Why a command has no result. Names the command and what the server said, never the data that was sent.
public struct RedisError: Error, Equatable, Sendable {
    public enum Code: Sendable {
        /// A setting is wrong; nothing was tried.
        case configuration
        /// The command was not sent, for sure: it has had no effect.
        case unavailable
        /// The command was sent and no answer came: it may or may not have had its effect.
        case outcomeUnknown
        /// The server answered with an error; `prefix` is its first word.
        case server
        /// As many commands as allowed wait already; this one was not sent.
        case queueFull
        /// The calling task was cancelled; a command that was on its way may still have its effect.
        case cancelled
        /// The answer was not what the protocol or the command promises; the effect is unknown.
        case protocolViolation
    }

    public let code: Code
    /// The command's name, or what was being done.
    public let operation: String
    public let detail: String
    /// The first word of the server's error (`NOGROUP`, `LOADING`, `OOM` …), if a server's error caused this.
    public let prefix: String?

    public init(_ code: Code, _ operation: String, _ detail: String, prefix: String? = nil) {
        self.code = code
        self.operation = operation
        self.detail = detail
        self.prefix = prefix
    }

    /// Whether the same command may succeed later with nobody changing anything. Whether repeating it is harmless
    /// after `outcomeUnknown` is for the caller to know.
    public var isRetryable: Bool {
        switch code {
        case .configuration, .cancelled: false
        case .unavailable: prefix.map { RedisError.passingPrefixes.contains($0) } ?? true
        case .outcomeUnknown, .queueFull, .protocolViolation: true
        case .server: prefix.map { RedisError.passingPrefixes.contains($0) } ?? false
        }
    }

    /// Whether the command may have had its effect although this error was thrown.
    public var mayHaveHappened: Bool {
        switch code {
        case .outcomeUnknown, .cancelled, .protocolViolation: true
        case .configuration, .unavailable, .server, .queueFull: false
        }
    }

    /// Conditions of the server that pass: it starts, has failed over, is full, or runs a slow script.
    private static let passingPrefixes: Set<String> = [
        "LOADING", "READONLY", "OOM", "MISCONF", "BUSY", "TRYAGAIN", "CLUSTERDOWN", "MASTERDOWN", "NOREPLICAS",
        "NOTREADY", "UNBLOCKED",
    ]
}

extension RedisError: CustomStringConvertible {
    public var description: String {
        let what =
            switch code {
            case .configuration: "wrong setting"
            case .unavailable: "Redis is not available"
            case .outcomeUnknown: "no answer from Redis"
            case .server: "Redis refused"
            case .queueFull: "too many commands wait for Redis"
            case .cancelled: "cancelled"
            case .protocolViolation: "unexpected answer from Redis"
            }
        return "\(operation): \(what): \(detail)"
    }
}

/// An error reply as it stands in a pipeline or an array.
public struct RedisServerError: Equatable, Sendable {
    /// The first word when it is in capitals, as every server error but a few begins; for a transaction that was
    /// discarded it is the reason's.
    public let prefix: String
    public let message: String

    public init(message: String) {
        // An unknown command's arguments are repeated by the server; data stay out of errors.
        let end = message.firstRange(of: ", with args beginning with:")?.lowerBound ?? message.endIndex
        let message = String(message[..<end])
        self.message = message
        let own = RedisServerError.capitals(at: message.startIndex, of: message)
        let marker = "because of: "
        if own == "EXECABORT", let reason = message.firstRange(of: marker) {
            prefix = RedisServerError.capitals(at: reason.upperBound, of: message)
        } else {
            prefix = own
        }
    }

    private static func capitals(at start: String.Index, of message: String) -> String {
        let word = message[start...].prefix { $0 != " " }
        let isPrefix = !word.isEmpty && word.utf8.allSatisfy { (0x41...0x5a).contains($0) || $0 == 0x5f }
        return isPrefix ? String(word) : "ERR"
    }

    func thrown(by operation: String) -> RedisError {
        RedisError(.server, operation, message, prefix: prefix)
    }
}
