import CLibPQ

/// Where the database is and how long anything may take.
public struct PostgresConfiguration: Sendable {
    /// A URL or a keyword string as libpq reads it, with any of its settings (`sslmode`, `target_session_attrs`, …).
    public let url: String
    /// As the URL holds it.
    public let password: String?
    public var applicationName = "questline"
    /// For name resolution, connecting and authenticating; a `connect_timeout` in the URL wins.
    public var connectTimeout: Duration = .seconds(5)
    /// What the server allows one statement.
    public var statementTimeout: Duration = .seconds(10)
    /// What the server allows one wait for a lock.
    public var lockTimeout: Duration = .seconds(5)
    /// How long the server keeps a transaction whose client says nothing: a stopped process frees its locks by then.
    public var idleInTransactionTimeout: Duration = .seconds(10)
    /// What this side waits for an answer, longer than the server's own limits.
    public var answerTimeout: Duration { statementTimeout + .seconds(5) }

    /// - Throws: `PostgresError` with code `.configuration`, naming what libpq cannot read, without the URL itself.
    public init(url: String) throws(PostgresError) {
        self.url = url
        var message: UnsafeMutablePointer<CChar>?
        guard let options = unsafe PQconninfoParse(url, &message) else {
            let text = unsafe message.map { unsafe String(cString: $0) } ?? "cannot be read"
            unsafe PQfreemem(message)
            throw PostgresError(.configuration, operation: "read the connection URL", message: redacted(text, of: url))
        }
        defer { unsafe PQconninfoFree(options) }
        password = unsafe PostgresConfiguration.value(of: "password", in: options)
        // libpq itself looks at the port only when it connects.
        let ports = unsafe PostgresConfiguration.value(of: "port", in: options) ?? ""
        let areGood = ports.split(separator: ",").allSatisfy { UInt16($0).map { $0 > 0 } ?? false }
        guard areGood else {
            throw PostgresError(
                .configuration, operation: "read the connection URL", message: "has a port that is not 1 to 65535")
        }
    }

    private static func value(of keyword: String, in options: UnsafeMutablePointer<PQconninfoOption>) -> String? {
        var option = unsafe options
        while let name = unsafe option.pointee.keyword {
            if unsafe String(cString: name) == keyword {
                return unsafe option.pointee.val.map { unsafe String(cString: $0) }
            }
            unsafe option += 1
        }
        return nil
    }

    /// Shortens what the server allows so that nothing of it lasts longer than `longest`.
    public mutating func limitTimeouts(to longest: Duration) {
        statementTimeout = min(statementTimeout, longest)
        lockTimeout = min(lockTimeout, longest / 2)
        idleInTransactionTimeout = min(idleInTransactionTimeout, longest)
    }

    /// What every session is told before its first use.
    ///
    /// Plans are kept for arrays of any length and for queue tables whose statistics were taken when they were empty;
    /// from both the planner expects a handful of rows and may join them by nested loops or whole scans, which is
    /// quadratic in a batch. Statements here find rows by key and join batches by key, so index scans and hash joins are
    /// always right; the penalties on the others would call in the compiler, which costs more than it saves.
    var sessionSettings: String {
        """
        SET client_encoding = 'UTF8'; SET timezone = 'UTC'; \
        SET enable_nestloop = off; SET enable_seqscan = off; SET jit = off; \
        SET statement_timeout = \(statementTimeout.wholeMilliseconds); \
        SET lock_timeout = \(lockTimeout.wholeMilliseconds); \
        SET idle_in_transaction_session_timeout = \(idleInTransactionTimeout.wholeMilliseconds)
        """
    }
}

/// libpq quotes the offending part of a URL, which may be the password.
private func redacted(_ message: String, of url: String) -> String {
    message.contains("\"") || message.contains(url)
        ? "is not a connection URL that libpq can read (postgres://user:password@host:port/database)"
        : message.split(separator: "\n").joined(separator: " ")
}

extension Duration {
    var wholeMilliseconds: Int64 {
        components.seconds * 1_000 + components.attoseconds / 1_000_000_000_000_000
    }
}
