import Domain
import Postgres
import Redis
import Streams
import TestSupport

/// What the servers of an installation hold.
extension Stage {
    func number(_ sql: SQL) async throws -> Int {
        Int(try await database.query(sql, operation: "observe").first?.decode(0, as: Int64.self) ?? 0)
    }

    /// Recorded events, completions not among them.
    var recorded: Int {
        get async throws {
            try await number("SELECT count(*) FROM processing.events WHERE event_type <> 'QuestCompleted'")
        }
    }

    var completions: Int {
        get async throws {
            try await number("SELECT count(*) FROM processing.events WHERE event_type = 'QuestCompleted'")
        }
    }

    var claims: Int {
        get async throws { try await number("SELECT count(*) FROM auth.reward_claims") }
    }

    /// Which of these events are not recorded.
    func missing(_ ids: [Identifier]) async throws -> [Identifier] {
        let rows = try await database.query(
            "SELECT id FROM processing.events WHERE id = ANY(\(ids))", operation: "observe")
        let found = Set(try rows.map { try $0.decode(0, as: Identifier.self) })
        return ids.filter { !found.contains($0) }
    }

    func isRecorded(_ id: Identifier) async throws -> Bool {
        try await missing([id]).isEmpty
    }

    /// (streak, duplication) of one person with the only quest; nil without a row.
    func progress(of person: Identifier) async throws -> Progress? {
        try await database.query(
            "SELECT streak, duplication FROM processing.user_quest_rewards WHERE user_id = \(person)",
            operation: "observe"
        ).first.map { Progress(streak: try $0.decode(0), duplication: try $0.decode(1)) }
    }

    /// (gold, diamonds) of one person; nothing without an account.
    func wallet(of person: Identifier) async throws -> [Int64] {
        try await database.query(
            "SELECT gold, diamond FROM auth.users WHERE user_id = \(person)", operation: "observe"
        ).first.map { [try $0.decode(0), try $0.decode(1)] } ?? [0, 0]
    }

    /// Whether every entry is acknowledged and every outbox is empty.
    func isSettled() async throws -> Bool {
        for (stream, group) in [(keys.signIns, StreamKeys.progressGroup), (keys.completions, StreamKeys.claimsGroup)] {
            let status = try await StreamStatus.read(redis, stream: stream)
            guard let state = status.groups.first(where: { $0.name == group }) else { return false }
            guard state.pending == 0, state.lag == 0 else { return false }
        }
        return try await number(
            "SELECT (SELECT count(*) FROM processing.outbox) + (SELECT count(*) FROM auth.outbox)") == 0
    }

    /// Waits until `count` events are recorded, and nothing is under way any more.
    func settle(recording count: Int, within limit: Duration = .seconds(120)) async throws {
        try await eventually("\(count) events recorded", within: limit, every: .milliseconds(50)) {
            try await recorded >= count
        }
        try await eventually("everything settled", within: limit, every: .milliseconds(50)) { try await isSettled() }
    }

    /// Entries that some consumer has been given and has not acknowledged.
    var pending: Int {
        get async throws {
            var pending = 0
            for stream in [keys.signIns, keys.completions] {
                let groups = try await StreamStatus.read(redis, stream: stream).groups
                pending += groups.reduce(0) { $0 + $1.pending }
            }
            return pending
        }
    }
}
