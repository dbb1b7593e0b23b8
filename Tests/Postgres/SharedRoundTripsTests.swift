import Postgres
import TestSupport
import Testing

@Suite("Transactions that share a round trip")
struct SharedRoundTripsTests {
    private static let count = 40

    /// Runs transactions while the one before them waits for a lock, so that they have to go together.
    ///
    /// - Parameter blocked: told the first one, which gets its lock when all others wait.
    /// - Returns: what became of the first, and of the others in their order.
    private func behindALock(
        _ database: TestDatabase, _ trips: SharedRoundTrips, _ transactions: [[SQL]],
        blocked: @Sendable (Task<[PostgresResult], any Error>) -> Void = { _ in }
    ) async throws -> [Result<[PostgresResult], PostgresError>] {
        let holder = try database.another(poolSize: 1)
        defer { holder.close() }
        return try await holder.transaction { holding in
            _ = try await holding.query("SELECT pg_advisory_xact_lock(1)")
            let first = Task { try await trips.transaction(["SELECT pg_advisory_xact_lock(1)"]) }
            try await eventually("the first one waits for the lock") {
                try await !database.client.query("SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
                    .isEmpty
            }
            var others: [Task<[PostgresResult], any Error>] = []
            for (place, transaction) in transactions.enumerated() {
                others.append(Task { try await trips.transaction(transaction) })
                try await eventually("all others wait in their order") { trips.waiting == place + 1 }
            }
            blocked(first)
            try await holding.rollback()
            var outcomes: [Result<[PostgresResult], PostgresError>] = []
            for task in [first] + others { outcomes.append(try await SharedRoundTripsTests.outcome(of: task)) }
            return outcomes
        }
    }

    private static func outcome(
        of task: Task<[PostgresResult], any Error>
    ) async throws -> Result<[PostgresResult], PostgresError> {
        do {
            return .success(try await task.value)
        } catch let error as PostgresError {
            return .failure(error)
        }
    }

    private static func insert(_ number: Int) -> [SQL] {
        ["INSERT INTO t VALUES (\(Int32(number))) RETURNING x", "SELECT txid_current(), pg_backend_pid()"]
    }

    @Test("Each has its own answer and its own transaction; one that fails takes no other with it")
    func independence() async throws {
        try await TestDatabase.with(seeded: false) { database in
            let client = try database.another(poolSize: 4)
            defer { client.close() }
            try await client.execute(script: "CREATE TABLE t (x int CONSTRAINT no_seventh CHECK (x % 7 <> 0))")
            let trips = SharedRoundTrips(client, operation: "fill t", limit: 1)
            _ = try await trips.transaction(SharedRoundTripsTests.insert(100))
            let outcomes = try await behindALock(
                database, trips, (0..<SharedRoundTripsTests.count).map(SharedRoundTripsTests.insert))
            var transactions: Set<Int64> = []
            for (number, outcome) in outcomes.dropFirst().enumerated() {
                switch outcome {
                case .success(let results):
                    #expect(try results[0].first?.decode(0, as: Int32.self) == Int32(number))
                    transactions.insert(try #require(results[1].first).decode(0))
                case .failure(let error):
                    #expect(error.constraint == "no_seventh" && error.operation == "fill t")
                }
            }
            let expected = (0..<SharedRoundTripsTests.count).filter { $0 % 7 != 0 }
            #expect(transactions.count == expected.count)
            let rows = try await client.query("SELECT x FROM t WHERE x < 100 ORDER BY x")
            #expect(try rows.map { try $0.decode(0, as: Int32.self) } == expected.map(Int32.init))
        }
    }

    @Test("At most so many round trips are under way")
    func limit() async throws {
        try await TestDatabase.with(seeded: false) { database in
            let client = try database.another(poolSize: 6)
            defer { client.close() }
            let trips = SharedRoundTrips(client, operation: "ask", limit: 2)
            let processes = try await withThrowingTaskGroup(of: Int32.self) { tasks in
                for _ in 0..<200 {
                    tasks.addTask {
                        let results = try await trips.transaction(["SELECT pg_backend_pid()"])
                        return try results[0][0].decode(0)
                    }
                }
                return try await tasks.reduce(into: Set<Int32>()) { $0.insert($1) }
            }
            #expect((1...2).contains(processes.count))
            #expect(client.poolCounts.idle <= 2 && trips.waiting == 0)
        }
    }

    @Test("A text that the server cannot read fails for everybody with the reason, and for nobody else")
    func unreadable() async throws {
        try await TestDatabase.with(seeded: false) { database in
            let client = try database.another(poolSize: 2)
            defer { client.close() }
            let trips = SharedRoundTrips(client, operation: "ask", limit: 1)
            let outcomes = try await behindALock(
                database, trips, [["SELECT nothing"], ["SELECT 1"], ["SELECT nothing"], ["SELECT 1"]])
            let states = outcomes.dropFirst().map { outcome in
                if case .failure(let error) = outcome { error.sqlState } else { nil as String? }
            }
            #expect(states == ["42703", nil, "42703", nil])
        }
    }

    @Test("Where the connection is lost, those before have their answers and those behind know that they may have none")
    func lostConnection() async throws {
        try await TestDatabase.with(seeded: false) { database in
            let client = try database.another(poolSize: 2)
            defer { client.close() }
            try await client.execute(script: "CREATE TABLE t (x int)")
            let trips = SharedRoundTrips(client, operation: "fill t", limit: 1)
            func end(_ really: Bool) -> [SQL] {
                ["SELECT CASE WHEN \(really) THEN pg_terminate_backend(pg_backend_pid()) END"]
            }
            // All texts are known, so that all goes together.
            for known in [SharedRoundTripsTests.insert(100), end(false)] { _ = try await trips.transaction(known) }
            let transactions = (0..<8).map { $0 == 4 ? end(true) : SharedRoundTripsTests.insert($0) }
            let outcomes = try await behindALock(database, trips, transactions)
            let rows = try await client.query("SELECT x FROM t WHERE x < 100 ORDER BY x")
            let recorded = Set(try rows.map { try $0.decode(0, as: Int32.self) })
            for (number, outcome) in outcomes.dropFirst().enumerated() where number != 4 {
                switch outcome {
                case .success: #expect(recorded.contains(Int32(number)))
                case .failure(let error):
                    #expect(error.isRetryable)
                    #expect(error.outcomeIsUnknown || !recorded.contains(Int32(number)))
                }
            }
            #expect(outcomes.count == 9)
            #expect(try await trips.transaction(SharedRoundTripsTests.insert(200)).count == 2)
        }
    }

    @Test("Whoever is cancelled takes nobody along for good: the others may try again, and none waits for ever")
    func cancellation() async throws {
        try await TestDatabase.with(seeded: false) { database in
            let client = try database.another(poolSize: 2)
            defer { client.close() }
            try await client.execute(script: "CREATE TABLE t (x int)")
            let trips = SharedRoundTrips(client, operation: "fill t", limit: 1)
            let outcomes = try await behindALock(
                database, trips, (0..<4).map(SharedRoundTripsTests.insert)
            ) { $0.cancel() }
            for (place, outcome) in outcomes.enumerated() {
                guard case .failure(let error) = outcome else {
                    #expect(place > 0)
                    continue
                }
                #expect(place == 0 ? error.code == .cancelled : error.code == .connection)
            }
            #expect(trips.waiting == 0)
            #expect(try await trips.transaction(SharedRoundTripsTests.insert(200)).count == 2)
        }
    }
}
