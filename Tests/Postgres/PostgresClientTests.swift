import Postgres
import TestSupport
import Testing

@Suite("The Postgres client")
struct PostgresClientTests {
    @Test("Values travel as parameters and come back as they were")
    func values() async throws {
        try await TestDatabase.with(seeded: false) { database in
            let text = "O'Brien; DROP TABLE x; -- ü 🎯"
            let missing: String? = nil
            let rows = try await database.client.query(
                """
                SELECT \(text), \(Int64.min), \(Int32.max), \(Int16(-3)), \(true), \(2.5), \([UInt8]([0, 255, 10])),
                    \(missing), \(["a", "", "ü\\\"{}"]), \([Int64]()), \(["x", nil])::text[] = ARRAY['x', NULL]
                """)
            let row = try #require(rows.first)
            #expect(try row.decode(0, as: String.self) == text)
            #expect(try row.decode(1, as: Int64.self) == .min)
            #expect(try row.decode(2, as: Int32.self) == .max)
            #expect(try row.decode(3, as: Int16.self) == -3)
            #expect(try row.decode(4, as: Bool.self))
            #expect(try row.decode(5, as: Double.self) == 2.5)
            #expect(try row.decode(6, as: [UInt8].self) == [0, 255, 10])
            #expect(try row.decodeIfPresent(7, as: String.self) == nil)
            #expect(try row.decode(8, as: [String].self) == ["a", "", "ü\\\"{}"])
            #expect(try row.decode(9, as: [Int64].self) == [])
            #expect(try row.decode(10, as: Bool.self))
        }
    }

    @Test("A prepared statement that the session does not have means a session that is shared")
    func missingStatement() async throws {
        try await TestDatabase.with(seeded: false) { database in
            let client = PostgresClient(database.client.configuration, poolSize: 1)
            defer { client.close() }
            _ = try await client.query("SELECT 1")
            // As if a pooler had given us another one.
            try await client.execute(script: "DEALLOCATE ALL")
            let error = await #expect(throws: PostgresError.self) { try await client.query("SELECT 1") }
            #expect(error?.code == .configuration)
            #expect(error?.message.contains("leads to a pooler") == true)
        }
    }

    @Test("A wrong type, a NULL and a column that is not there are errors")
    func decoding() async throws {
        try await TestDatabase.with(seeded: false) { database in
            let rows = try await database.client.query("SELECT 1::int4, NULL::text")
            let row = try #require(rows.first)
            for attempt in [
                { _ = try row.decode(0, as: Int64.self) }, { _ = try row.decode(1, as: String.self) },
                { _ = try row.decode(2, as: Int32.self) }, { _ = try row.decode(-1, as: Int32.self) },
            ] {
                #expect { try attempt() } throws: { ($0 as? PostgresError)?.code == .decoding }
            }
        }
    }

    @Test("An error has its SQLSTATE and constraint, and its description gives no data away")
    func errors() async throws {
        try await TestDatabase.with(seeded: false) { database in
            try await database.client.execute(script: "CREATE TABLE t (x text CONSTRAINT short CHECK (length(x) < 5))")
            do {
                _ = try await database.client.query("INSERT INTO t VALUES (\("secret-value"))", operation: "fill t")
                Issue.record("nothing was thrown")
            } catch let error as PostgresError {
                #expect(error.sqlState == "23514")
                #expect(error.constraint == "short")
                #expect(error.isDataError && !error.isRetryable)
                #expect(error.description == "postgres: fill t: server, SQLSTATE 23514, constraint short")
            }
            // The connection is as good as before.
            #expect(try await database.client.query("SELECT 1").count == 1)
            #expect(database.client.poolCounts.lent == 0)
        }
    }

    @Test("A transaction takes effect as a whole, or not at all")
    func transactions() async throws {
        struct Cold: Error {}
        try await TestDatabase.with(seeded: false) { database in
            let client = database.client
            try await client.execute(script: "CREATE TABLE t (x int PRIMARY KEY)")
            await #expect(throws: Cold.self) {
                try await client.transaction { transaction in
                    _ = try await transaction.query("INSERT INTO t VALUES (1)")
                    throw Cold()
                }
            }
            await #expect(throws: PostgresError.self) {
                _ = try await client.transaction(["INSERT INTO t VALUES (2)", "INSERT INTO t VALUES (2)"])
            }
            await #expect {
                try await client.transaction { transaction in
                    // A swallowed failure must not become a commit that did nothing.
                    _ = try? await transaction.query("SELECT 1/0")
                }
            } throws: { ($0 as? PostgresError)?.sqlState == "25P02" }
            #expect(try await client.query("SELECT * FROM t").isEmpty)
            let results = try await client.transaction(["INSERT INTO t VALUES (3)", "SELECT x FROM t"])
            #expect(results.count == 2)
            #expect(results[0].affectedRows == 1)
            try await client.transaction { transaction in
                _ = try await transaction.query("INSERT INTO t VALUES (4)")
                try await transaction.rollback()
            }
            #expect(try await client.query("SELECT * FROM t").count == 1)
        }
    }

    @Test("A commit that is refused is told like a statement that is, and the connection stays")
    func refusedCommit() async throws {
        try await TestDatabase.with(seeded: false) { database in
            let client = try database.another(poolSize: 1)
            defer { client.close() }
            try await client.execute(script: "CREATE TABLE late (x int UNIQUE DEFERRABLE INITIALLY DEFERRED)")
            let process = try await client.query("SELECT pg_backend_pid()").first?.decode(0, as: Int32.self)
            let single: SQL = "INSERT INTO late VALUES (1)"
            for statements in [["INSERT INTO late VALUES (1), (1)"], [single, single]] {
                await #expect {
                    _ = try await client.transaction(statements)
                } throws: {
                    let error = $0 as? PostgresError
                    return error?.sqlState == "23505" && error?.outcomeIsUnknown == false
                }
            }
            let found = try await client.transaction(["SELECT * FROM late", "SELECT pg_backend_pid()"])
            #expect(found[0].isEmpty)
            #expect(try found[1].first?.decode(0, as: Int32.self) == process)
        }
    }

    @Test("Connections that the server cut are replaced at their next use")
    func cutConnections() async throws {
        try await TestDatabase.with(seeded: false) { database in
            let victim = try database.another(poolSize: 3)
            defer { victim.close() }
            for _ in 0..<3 {
                _ = try await victim.query("SELECT 1")
                _ = try await database.client.query(
                    """
                    SELECT pg_terminate_backend(pid, 2000) FROM pg_stat_activity
                    WHERE datname = current_database() AND pid <> pg_backend_pid()
                    """)
                #expect(try await victim.query("SELECT 1").count == 1)
            }
        }
    }

    @Test("A connection cut in mid-statement is a lost connection with an unknown outcome")
    func cutInTheMiddle() async throws {
        try await TestDatabase.with(seeded: false) { database in
            let victim = try database.another(poolSize: 1)
            defer { victim.close() }
            async let sleeping = victim.query("SELECT pg_sleep(8)")
            var cut = false
            while !cut {
                let rows = try await database.client.query(
                    """
                    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                    WHERE datname = current_database() AND query LIKE 'SELECT pg_sleep%' AND state = 'active'
                    """)
                cut = !rows.isEmpty
            }
            do {
                _ = try await sleeping
                Issue.record("nothing was thrown")
            } catch let error as PostgresError {
                #expect(error.isRetryable && error.isOutage)
                #expect(error.outcomeIsUnknown || error.sqlState == "57P01")
            }
            #expect(try await victim.query("SELECT 1").count == 1)
        }
    }

    @Test("A cancelled caller is free long before its statement would end, and the connection is not used again")
    func cancellation() async throws {
        try await TestDatabase.with(seeded: false) { database in
            let client = try database.another(poolSize: 1)
            defer { client.close() }
            _ = try await client.query("SELECT 1")
            let task = Task { try await client.query("SELECT pg_sleep(60)") }
            while client.poolCounts.lent == 0 { await Task.yield() }
            let start = ContinuousClock.now
            task.cancel()
            await #expect { _ = try await task.value } throws: { ($0 as? PostgresError)?.code == .cancelled }
            #expect(ContinuousClock.now - start < .seconds(10))
            #expect(try await client.query("SELECT 2").first?.decode(0, as: Int32.self) == 2)
        }
    }

    @Test("The server's statement timeout and a full pool are worth a retry")
    func limits() async throws {
        try await TestDatabase.with(seeded: false) { database in
            var configuration = try PostgresConfiguration(url: database.url)
            configuration.limitTimeouts(to: .milliseconds(50))
            let client = PostgresClient(configuration, poolSize: 1, waiters: 0)
            defer { client.close() }
            await #expect {
                _ = try await client.query("SELECT pg_sleep(3)")
            } throws: {
                ($0 as? PostgresError)?.sqlState == "57014" && ($0 as? PostgresError)?.isRetryable == true
            }
            try await client.transaction { transaction in
                _ = try await transaction.query("SELECT 1")
                await #expect {
                    _ = try await client.query("SELECT 1")
                } throws: {
                    ($0 as? PostgresError)?.code == .poolExhausted && ($0 as? PostgresError)?.isRetryable == true
                }
            }
        }
    }

    /// The client has sent a change, and not the rest of the round trip.
    private func stall(_ proxy: FaultyProxy, _ victim: PostgresClient) async throws -> Task<Void, any Error> {
        proxy.script { $0.commits ? .holdRequest : .none }
        let stalled = Task { _ = try await victim.transaction(["UPDATE t SET x = 2"]) }
        try await eventually("the row is locked") { proxy.held > 0 }
        return stalled
    }

    private func impatient(_ url: String) throws -> PostgresClient {
        var configuration = try PostgresConfiguration(url: url)
        configuration.limitTimeouts(to: .seconds(1))
        return PostgresClient(configuration, poolSize: 2)
    }

    @Test(
        "A process that stops in the middle of a round trip keeps its locks no longer than one that stops between two")
    func stalledInMidRoundTrip() async throws {
        try await TestDatabase.with(seeded: false) { database in
            try await database.client.execute(script: "CREATE TABLE t (x int); INSERT INTO t VALUES (1)")
            try await FaultyProxy.with(.postgres, to: database.url) { proxy in
                // A victim that gave up after a second, as on a busy machine, would let go of the row by itself.
                let victim = PostgresClient(try PostgresConfiguration(url: proxy.url), poolSize: 2)
                let other = try impatient(database.url)
                defer { for client in [victim, other] { client.close() } }
                let stalled = try await stall(proxy, victim)
                // Somebody who waits for the lock has it in the end.
                try await eventually("the lock is free", within: .seconds(5)) {
                    try await other.query("UPDATE t SET x = 3").affectedRows == 1
                }
                proxy.release()
                await #expect(throws: PostgresError.self) { try await stalled.value }
                #expect(try await other.query("SELECT x FROM t").first?.decode(0, as: Int32.self) == 3)
                // Somebody who skips locked rows asks for it.
                let again = try await stall(proxy, victim)
                let locked: SQL = "SELECT x FROM t FOR UPDATE SKIP LOCKED"
                #expect(try await other.query(locked).isEmpty)
                try await eventually("the session is ended", within: .seconds(5)) {
                    try await other.endStalledTransactions() == 1
                }
                try await eventually("the row is free", within: .seconds(5)) {
                    try await other.query(locked).count == 1
                }
                proxy.release()
                await #expect(throws: PostgresError.self) { try await again.value }
                #expect(try await other.endStalledTransactions() == 0)
            }
        }
    }

    @Test("A transaction that is at work, or has not been silent for long, is not ended for stalling")
    func notStalled() async throws {
        try await TestDatabase.with(seeded: false) { database in
            let other = try impatient(database.url)
            defer { other.close() }
            try await database.client.transaction { transaction in
                // At work for longer than the limit.
                _ = try await transaction.query("SELECT pg_sleep(0.4)")
                #expect(try await other.endStalledTransactions() == 0)
                async let working = transaction.query("SELECT pg_sleep(0.5)")
                _ = try await other.query("SELECT pg_sleep(0.1)")
                #expect(try await other.endStalledTransactions() == 0)
                _ = try await working
            }
        }
    }

    @Test(
        "A server that starts, stops, is full, broken or a standby is away; one that refuses data or a lock is not",
        arguments: [
            ("08006", true), ("53100", true), ("53300", true), ("57P01", true), ("57P03", true), ("58030", true),
            ("25006", true), ("57014", false), ("55P03", false), ("40001", false), ("40P01", false), ("22003", false),
            ("23505", false),
        ])
    func outages(sqlState: String, isOutage: Bool) {
        let error = PostgresError(.server, operation: "x", sqlState: sqlState)
        #expect(error.isOutage == isOutage)
        #expect(!isOutage || error.isRetryable)
        #expect(error.isDataError == (sqlState.hasPrefix("22") || sqlState.hasPrefix("23")))
        #expect(error.isDataError != error.isRetryable)
    }

    @Test("A large batch of statements and values goes through in one round trip")
    func largePipeline() async throws {
        try await TestDatabase.with(seeded: false) { database in
            let numbers = (0..<200_000).map(Int64.init)
            let statements = (0..<20).map { _ -> SQL in "SELECT sum(n)::int8 FROM unnest(\(numbers)) n" }
            let results = try await database.client.transaction(statements)
            #expect(results.count == 20)
            for result in results { #expect(try result.first?.decode(0, as: Int64.self) == 19_999_900_000) }
        }
    }

    @Test("Statements become parts of one another and keep their values")
    func composition() async throws {
        try await TestDatabase.with(seeded: false) { database in
            let conditions: [SQL] = ["x > \(Int32(2))", "x < \(Int32(5))"]
            let rows = try await database.client.query(
                "SELECT x FROM generate_series(\(Int32(1)), \(Int32(9))) x WHERE \(SQL(joining: conditions, by: " AND ")) ORDER BY x"
            )
            #expect(try rows.map { try $0.decode(0, as: Int32.self) } == [3, 4])
        }
    }

    @Test(
        "A URL that cannot be read is named without its password",
        arguments: [
            "postgres://user:hunter2@host:port:9/db", "not a url hunter2", "postgres://u:hunter2@[::1/db",
            "nonsense=hunter2",
        ])
    func badURLs(url: String) {
        #expect {
            _ = try PostgresConfiguration(url: url)
        } throws: { error in
            (error as? PostgresError)?.code == .configuration && !"\(error)".contains("hunter2")
        }
    }

    @Test("A server that is not there is a lost connection, worth a retry, and names no password")
    func nobodyThere() async throws {
        let client = PostgresClient(try PostgresConfiguration(url: "postgres://u:hunter2@127.0.0.1:1/db"))
        await #expect {
            _ = try await client.query("SELECT 1")
        } throws: { error in
            guard let error = error as? PostgresError else { return false }
            return error.code == .connection && error.isRetryable && !error.outcomeIsUnknown
                && !"\(error)".contains("hunter2")
        }
    }
}
