/// What went wrong with the database, and what may be done about it.
///
/// `description` names code, SQLSTATE, constraint and operation, and no value of anyone's data; `message` and `detail`
/// are the server's own text and may quote data.
public struct PostgresError: Error, Sendable, CustomStringConvertible {
    public enum Code: String, Sendable {
        /// A URL that libpq cannot read.
        case configuration
        /// No connection could be made, or the one in use was lost.
        case connection
        /// The server refused a statement; `sqlState` tells why.
        case server
        /// No answer came in time; the connection is given up.
        case timeout
        /// All connections are lent and enough callers wait already.
        case poolExhausted
        /// The calling task was cancelled; the connection is given up.
        case cancelled
        /// A value could not be read as the type asked for.
        case decoding
    }

    public let code: Code
    /// What was being done: the name of a function, never a statement with values.
    public let operation: String
    public let message: String
    /// Five characters as in appendix A of the Postgres manual.
    public let sqlState: String?
    public let constraint: String?
    /// The server's explanation, as in `Failing row contains (…)`; it may quote data.
    public let detail: String?
    /// Whether the statements may have taken effect although no answer was seen: the connection went away after they
    /// were sent.
    public let outcomeIsUnknown: Bool

    public init(
        _ code: Code, operation: String, message: String = "", sqlState: String? = nil, constraint: String? = nil,
        detail: String? = nil, outcomeIsUnknown: Bool = false
    ) {
        self.code = code
        self.operation = operation
        self.message = message
        self.sqlState = sqlState
        self.constraint = constraint
        self.detail = detail
        self.outcomeIsUnknown = outcomeIsUnknown
    }

    /// Whether the same work may succeed later without being changed: the one place that decides it.
    ///
    /// Retried are lost connections, timeouts, a full pool, serialisation failures and deadlocks (class 40), lock and
    /// statement timeouts (55P03, 57014), a server that starts, stops or lacks resources (53, 57P, 58), an idle
    /// transaction that was ended (25P03) and a standby that refuses to write (25006).
    public var isRetryable: Bool {
        switch code {
        case .connection, .timeout, .poolExhausted: true
        case .configuration, .cancelled, .decoding: false
        case .server:
            switch sqlState?.prefix(2) {
            case "08", "40", "53", "58": true
            case "57", "55": true
            default: sqlState == "25P03" || sqlState == "25006"
            }
        }
    }

    /// Whether a healthy server refused the data itself: class 22 (bad value) or 23 (constraint).
    public var isDataError: Bool {
        guard code == .server, let sqlState else { return false }
        return sqlState.hasPrefix("22") || sqlState.hasPrefix("23")
    }

    /// Whether a lock was not given in time.
    var isLockTimeout: Bool { code == .server && sqlState == "55P03" }

    /// Whether the database is away, as far as this error tells.
    public var isOutage: Bool {
        switch code {
        case .connection, .timeout: true
        case .server:
            (["08", "53", "57", "58"].contains(sqlState?.prefix(2) ?? "") && sqlState != "57014") || sqlState == "25006"
        default: false
        }
    }

    public var description: String {
        var parts = ["postgres: \(operation): \(code.rawValue)"]
        if let sqlState { parts.append("SQLSTATE \(sqlState)") }
        if let constraint { parts.append("constraint \(constraint)") }
        if code == .connection || code == .configuration { parts.append(message) }
        return parts.joined(separator: ", ")
    }
}
