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
        let check = SessionCheck()
        pool = LeasePool(
            limit: poolSize, waiters: waiters,
            make: {
                let connection = try await PostgresConnection.connect(configuration)
                try await check.look(at: connection)
                try await connection.setUp()
                return connection
            },
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
    /// What is sent up to one Sync is a transaction without BEGIN and COMMIT ("Pipelining" in the description of the protocol).
    /// It is of the server's usual kind, and no block: what asks for one (`SET TRANSACTION`, `SAVEPOINT`, `LOCK`) needs the
    /// form with a closure, and what may not be in a transaction with others (`VACUUM`) a `query` of its own.
    ///
    /// - Throws: `PostgresError`; after one whose `outcomeIsUnknown`, the transaction may have been committed.
    public func transaction(_ statements: [SQL], operation: String = #function) async throws -> [PostgresResult] {
        try await lease(operation) { try await $0.run(statements, operation: operation) }
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
        try await lease(operation) { _ = try await $0.execute(script: script, operation: operation) }
    }

    /// Ends sessions of this installation whose process has stopped in the middle of sending: that said nothing for the
    /// idle-in-transaction timeout, with a transaction open that has changed or locked something, while the server waits for the rest of a round trip. The
    /// server's own timeouts do not run then, and such a session would keep its locks as long as the process is stopped.
    ///
    /// Done by itself whenever a lock is not given in time. Whoever skips locked rows has to ask for it.
    ///
    /// - Returns: how many were ended.
    /// - Throws: `PostgresError`.
    @discardableResult
    public func endStalledTransactions() async throws -> Int {
        try await withConnection("end stalled transactions") { connection in
            try await connection.run([stalledTransactions], operation: "end stalled transactions").first?.count ?? 0
        }
    }

    /// Applications of one installation share the first word of their names: `questline-worker`, `questline-front`.
    private var stalledTransactions: SQL {
        """
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()
            AND split_part(application_name, '-', 1) = split_part(\(configuration.applicationName), '-', 1)
            AND backend_xid IS NOT NULL AND wait_event = 'ClientRead'
            AND state_change < now() - \(configuration.idleInTransactionTimeout.wholeMilliseconds) * interval '1 millisecond'
        """
    }

    /// Runs transactions in one round trip, each by itself: one that fails takes none of the others with it.
    ///
    /// - Returns: what became of each.
    func outcomes(
        of transactions: [[SQL]], operation: String
    ) async -> [Result<[PostgresResult], PostgresError>] {
        let outcomes: [Result<[PostgresResult], PostgresError>]
        do {
            outcomes = try await withConnection(operation) { connection in
                // A statement that cannot be prepared must not fail for others under its name.
                guard !transactions.allSatisfy(connection.knows) else {
                    return await connection.run(transactions: transactions, operation: operation)
                }
                var outcomes: [Result<[PostgresResult], PostgresError>] = []
                for transaction in transactions {
                    outcomes += await connection.run(transactions: [transaction], operation: operation)
                }
                return outcomes
            }
        } catch {
            let failure =
                (error as? PostgresError)
                ?? PostgresError(.connection, operation: operation, message: "no connection was made")
            outcomes = transactions.map { _ in .failure(failure) }
        }
        let isLockedOut = outcomes.contains { outcome in
            if case .failure(let error) = outcome { error.isLockTimeout } else { false }
        }
        if isLockedOut { _ = try? await endStalledTransactions() }
        return outcomes
    }

    /// Closes idle connections now and lent ones when they come back.
    public func close() {
        pool.close()
    }

    private func lease<Value: Sendable>(
        _ operation: String, _ body: @Sendable (PostgresConnection) async throws -> Value
    ) async throws -> Value {
        do {
            return try await withConnection(operation, body)
        } catch let error as PostgresError where error.isLockTimeout {
            // The error is what the caller has to know; the next try may fare better.
            _ = try? await endStalledTransactions()
            throw error
        }
    }

    private func withConnection<Value: Sendable>(
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
