import Logging
import Reactor

/// A small pool of connections to one database.
///
/// Connections are made when first needed; one that was cut is replaced at its next use. All waiting is bounded: for a
/// connection by `waiters` and the connect timeout, for an answer by the configuration.
public final class PostgresClient: Sendable {
    public let configuration: PostgresConfiguration
    private let pool: LeasePool<PostgresConnection>

    public init(_ configuration: PostgresConfiguration, poolSize: Int = 4, waiters: Int = 256) {
        self.configuration = configuration
        pool = LeasePool(
            limit: poolSize, waiters: waiters,
            make: { try await PostgresConnection.connect(configuration) },
            isUsable: \.isUsable)
    }

    public var poolSize: Int { pool.limit }

    /// (idle, lent, waiting) at this moment.
    public var poolCounts: (idle: Int, lent: Int, waiting: Int) { pool.counts }

    /// Runs one statement in a transaction of its own.
    ///
    /// - Throws: `PostgresError`.
    public func query(_ sql: SQL, operation: String = #function) async throws -> PostgresResult {
        try await lease(operation) { connection in
            guard let result = try await connection.run([sql], operation: operation).first else {
                throw PostgresError(.decoding, operation: operation, message: "no result")
            }
            return result
        }
    }

    /// Runs statements in one transaction and one round trip: all take effect or none.
    ///
    /// - Throws: `PostgresError`; after one whose `outcomeIsUnknown`, the transaction may have been committed.
    public func transaction(_ statements: [SQL], operation: String = #function) async throws -> [PostgresResult] {
        try await lease(operation) { connection in
            let transaction = PostgresTransaction(connection, operation: operation)
            return try await transaction.closing { try await transaction.commit(after: statements) }
        }
    }

    /// Runs `body` in one transaction, which is committed when `body` returns and rolled back when it throws.
    ///
    /// - Throws: `PostgresError`, and what `body` throws; after an error whose `outcomeIsUnknown`, the transaction may
    ///   have been committed.
    public func transaction<Value: Sendable>(
        operation: String = #function, _ body: @Sendable (PostgresTransaction) async throws -> Value
    ) async throws -> Value {
        try await lease(operation) { connection in
            let transaction = PostgresTransaction(connection, operation: operation)
            return try await transaction.closing {
                let value = try await body(transaction)
                if !transaction.isFinished { _ = try await transaction.commit(after: []) }
                return value
            }
        }
    }

    /// Runs a text of several statements without parameters, as one transaction if it does not say otherwise.
    ///
    /// - Throws: `PostgresError`.
    public func execute(script: String, operation: String = #function) async throws {
        try await lease(operation) { try await $0.execute(script: script, operation: operation) }
    }

    /// Closes idle connections now and lent ones when they come back.
    public func close() {
        pool.close()
    }

    private func lease<Value: Sendable>(
        _ operation: String, _ body: @Sendable (PostgresConnection) async throws -> Value
    ) async throws -> Value {
        do {
            return try await pool.withLease(before: .now + configuration.connectTimeout * 2, body)
        } catch let error as LeaseError {
            switch error {
            case .queueFull, .deadline:
                throw PostgresError(.poolExhausted, operation: operation, message: "no connection came free")
            case .closed: throw PostgresError(.connection, operation: operation, message: "the pool is closed")
            }
        } catch is CancellationError {
            throw PostgresError(.cancelled, operation: operation)
        }
    }
}
