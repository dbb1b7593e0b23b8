import CLibPQ

/// What happens between connecting and the first use.
extension PostgresConnection {
    /// Tells the session what every session is told before its first use.
    ///
    /// - Throws: `PostgresError`.
    func setUp() async throws {
        _ = try await prepare(with: configuration.sessionSettings, operation: "set up the session")
    }

    /// The server's process that was named when the connection was made; something that stands between names another.
    var namedProcess: Int32 { unsafe PQbackendPID(pointer) }

    /// The server's process that answers now.
    ///
    /// - Parameter statements: what else is to be done in the same round trip, before, each with a semicolon behind it.
    /// - Throws: `PostgresError`.
    func answeringProcess(after statements: String = "") async throws -> Int32 {
        let operation = "look at the session"
        let answer = try await prepare(with: statements + "SELECT pg_backend_pid()", operation: operation)
        guard let answer, unsafe PQntuples(answer.pointer) == 1, let text = unsafe PQgetvalue(answer.pointer, 0, 0),
            let process = unsafe Int32(String(cString: text))
        else { throw PostgresError(.connection, operation: operation, message: "no process was named") }
        return process
    }

    /// Runs a script that may take no longer than connecting, and of which nobody has to ask afterwards whether it took effect.
    func prepare(with script: String, operation: String) async throws -> ResultHandle? {
        do {
            return try await execute(script: script, operation: operation, within: configuration.connectTimeout)
        } catch let error as PostgresError where error.code == .connection || error.code == .timeout {
            throw PostgresError(.connection, operation: operation, message: error.message, sqlState: error.sqlState)
        }
    }
}
