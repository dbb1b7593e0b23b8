/// A transaction in progress, for the one task that was given it.
///
/// BEGIN travels with the first statement and COMMIT with the last ones, so a transaction of known statements costs one
/// round trip and one with a decision in the middle costs two.
public final class PostgresTransaction: @unchecked Sendable {
    private let connection: PostgresConnection
    private let operation: String
    private var hasBegun = false
    private(set) var isFinished = false

    init(_ connection: PostgresConnection, operation: String) {
        self.connection = connection
        self.operation = operation
    }

    /// Runs one statement.
    ///
    /// - Throws: `PostgresError`; the transaction then takes no further statement.
    public func query(_ sql: SQL) async throws -> PostgresResult {
        guard let result = try await pipeline([sql]).first else {
            throw PostgresError(.decoding, operation: operation, message: "no result")
        }
        return result
    }

    /// Runs statements in one round trip.
    ///
    /// - Throws: `PostgresError` of the first that failed; the transaction then takes no further statement.
    public func pipeline(_ statements: [SQL]) async throws -> [PostgresResult] {
        let opening: [SQL] = hasBegun ? [] : ["BEGIN"]
        hasBegun = true
        return Array(try await connection.run(opening + statements, operation: operation).dropFirst(opening.count))
    }

    /// Runs the last statements and commits in the same round trip.
    ///
    /// - Throws: `PostgresError`.
    public func commit(after statements: [SQL]) async throws -> [PostgresResult] {
        let results = try await pipeline(statements + ["COMMIT"])
        isFinished = true
        // A transaction that had failed is rolled back by COMMIT, and says so in its tag only.
        guard results.last?.commandTag == "COMMIT" else {
            throw PostgresError(.server, operation: operation, message: "was rolled back", sqlState: "25P02")
        }
        return results.dropLast()
    }

    /// Rolls back and frees the connection, before or instead of the end of the closure.
    public func rollback() async throws {
        guard hasBegun, !isFinished else {
            isFinished = true
            return
        }
        isFinished = true
        _ = try await connection.run(["ROLLBACK"], operation: operation)
    }

    /// Runs `body` and rolls back if it throws.
    func closing<Value>(_ body: () async throws -> Value) async throws -> Value {
        do {
            return try await body()
        } catch {
            // A failure here breaks the connection, which ends the transaction as well; the first error is the one to tell.
            if !connection.isBroken { try? await rollback() }
            throw error
        }
    }
}
