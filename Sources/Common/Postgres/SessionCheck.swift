import Synchronization

/// Finds out whether a connection is one session of the server for as long as it lasts.
///
/// Statements are prepared once for each connection, and timeouts and the planner's settings are set once. A pooler that
/// gives each transaction any session that is free (PgBouncer with `pool_mode=transaction`) breaks both, and leaves ours to
/// strangers. One that keeps a session for each of its clients breaks nothing.
///
/// Postgres names the process of the session when a connection is made; a pooler names something of its own. So only behind a
/// pooler a second connection is made for a moment: while that holds a transaction open, a session that is shared is either
/// lent to it, or taken away from the first one. Where that could not be seen, a statement will be missing sooner or later.
final class SessionCheck: Sendable {
    /// Of a busy pooler with two sessions each time finds it with one chance in two.
    private static let rounds = 20
    private let isDone = Atomic<Bool>(false)

    /// Looks at `connection`, which must not have been told anything yet, unless one of this pool was good before.
    ///
    /// A second connection that cannot be had proves nothing; the pool's next connection is looked at then.
    ///
    /// - Throws: `PostgresError` with code `.configuration` if sessions are shared, and of the connection itself.
    func look(at connection: PostgresConnection) async throws {
        guard !isDone.load(ordering: .relaxed) else { return }
        let process = try await connection.answeringProcess()
        if process != connection.namedProcess {
            guard let second = try? await PostgresConnection.connect(connection.configuration) else { return }
            for _ in 0..<SessionCheck.rounds {
                switch await SessionCheck.beginTransaction(on: second) {
                case .unknown: return
                case .refused, .held(by: process): throw SessionCheck.shared()
                case .held: break
                }
                guard try await connection.answeringProcess() == process else { throw SessionCheck.shared() }
                _ = try? await second.prepare(with: "ROLLBACK", operation: "look at the session")
            }
        }
        isDone.store(true, ordering: .relaxed)
    }

    private enum Transaction {
        case held(by: Int32)
        /// Transactions of several statements are not to be had.
        case refused
        case unknown
    }

    private static func beginTransaction(on connection: PostgresConnection) async -> Transaction {
        do {
            return .held(by: try await connection.answeringProcess(after: "BEGIN;"))
        } catch let error as PostgresError
            where error.sqlState == protocolViolation || error.message.contains("statement pooling mode")
        {
            // The refusal and the end of the connection may come together.
            return .refused
        } catch {
            return .unknown
        }
    }

    /// What PgBouncer answers to BEGIN with `pool_mode=statement`.
    private static let protocolViolation = "08P01"

    /// What the server says of a prepared statement that another session holds, or already holds: a shared session.
    static func explain(_ error: PostgresError) -> PostgresError {
        ["26000", "42P05"].contains(error.sqlState) ? shared(during: error.operation) : error
    }

    private static func shared(during operation: String = "connect") -> PostgresError {
        PostgresError(
            .configuration, operation: operation,
            message:
                "leads to a pooler that gives each transaction another session of Postgres, as PgBouncer does with "
                + "pool_mode=transaction; statements are prepared and settings are made once for each connection here: "
                + "set pool_mode=session, or connect to Postgres itself")
    }
}
