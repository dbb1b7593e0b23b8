import Domain
import Postgres
import Synchronization
import TestSupport

/// Runs `body` for 0, 1, … `count` - 1 at the same time; the results are in that order.
@discardableResult
func inParallel<Value: Sendable>(
    _ count: Int, _ body: @escaping @Sendable (Int) async throws -> Value
) async throws -> [Value] {
    try await withThrowingTaskGroup(of: (Int, Value).self) { group in
        for index in 0..<count { group.addTask { (index, try await body(index)) } }
        var values: [Int: Value] = [:]
        for try await (index, value) in group { values[index] = value }
        return (0..<count).compactMap { values[$0] }
    }
}

/// The events that were accepted.
final class Ledger: Sendable {
    private let ids = Mutex<[Identifier]>([])

    var events: [Identifier] { ids.withLock { $0 } }

    func add(_ id: Identifier) {
        ids.withLock { $0.append(id) }
    }

    /// Waits until so many are accepted.
    func reach(_ count: Int) async throws {
        try await eventually("\(count) accepted") { self.ids.withLock { $0.count } >= count }
    }
}

/// Something one task tells another.
final class Flag: Sendable {
    private let isUp = Atomic(false)

    var isRaised: Bool { isUp.load(ordering: .acquiring) }

    func raise() {
        isUp.store(true, ordering: .releasing)
    }
}

extension Front {
    /// The accounts `player-0`, `player-1`, … sign in again and again; one that is answered 503 tries again.
    func signInManyTimes(clients: Int, each: Int, into accepted: Ledger) async throws {
        try await inParallel(clients) { client in
            for _ in 0..<each {
                try await eventually("player-\(client) is answered") {
                    let answer = try await signIn("player-\(client)")
                    if answer.status == 503 { return false }
                    guard answer.status == 200, let event = answer.event else {
                        throw Unrecoverable("a sign-in was answered \(answer.status)")
                    }
                    accepted.add(event)
                    return true
                }
            }
        }
    }

    /// Other systems hand events in; what is answered 503 is sent again under the same id.
    func ingestManyTimes(clients: Int, each: Int, into accepted: Ledger) async throws {
        try await inParallel(clients) { _ in
            let person = Identifier.random()
            for _ in 0..<each {
                let id = Identifier.timeOrdered(at: .now)
                try await eventually("an event is taken") {
                    let answer = try await ingest(id, of: person)
                    if answer.status == 503 { return false }
                    guard answer.status == 202 else { throw Unrecoverable("ingest was answered \(answer.status)") }
                    accepted.add(id)
                    return true
                }
            }
        }
    }

    /// One sign-in with a password and one event by key, again and again; all must be accepted at once.
    ///
    /// - Returns: the events.
    func signInAndIngest(_ name: String, times: Int) async throws -> [Identifier] {
        var events: [Identifier] = []
        for _ in 0..<times {
            let answer = try await signIn(name)
            guard answer.status == 200, let event = answer.event else {
                throw Unrecoverable("a sign-in was answered \(answer.status)")
            }
            let id = Identifier.timeOrdered(at: .now)
            let status = try await ingest(id, of: .random()).status
            guard status == 202 else { throw Unrecoverable("ingest was answered \(status)") }
            events += [event, id]
        }
        return events
    }

    /// Asks /livez every 10 ms until `stop` is raised.
    ///
    /// - Returns: the longest time to an answer.
    func slowestPulse(until stop: Flag) async throws -> Duration {
        var slowest = Duration.zero
        while !stop.isRaised {
            let start = ContinuousClock.now
            let answer = try await send("GET", "/livez")
            slowest = max(slowest, .now - start)
            guard answer.status == 200 else { throw Unrecoverable("/livez answered \(answer.status)") }
            try await Task.sleep(for: .milliseconds(10))
        }
        return slowest
    }
}

extension Stage {
    /// Ends every session of the database but the one that does it.
    func cutDatabaseConnections() async throws {
        _ = try await database.query(
            """
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid()
            """, operation: "cut connections")
    }
}
