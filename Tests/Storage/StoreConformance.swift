import Domain
import Postgres
import TestSupport

@testable import Storage

/// What the store must keep whatever happens, test by test: against a real Postgres, with connections cut and the server
/// killed. Each test is named as the guarantee that it checks.
enum StoreConformance {
    /// Everything that batches, claims and first sign-ins write, in one number that changes with any of it. Row versions
    /// are part of it: a row that was written again with the same values is a change too.
    static func fingerprint(_ client: PostgresClient) async throws -> String {
        try await client.query(
            """
            SELECT md5(coalesce(string_agg(line, ';' ORDER BY line), '')) FROM (
                SELECT concat('e', e.xmin, e) AS line FROM processing.events e
                UNION ALL SELECT concat('p', p.xmin, p) FROM processing.user_quest_rewards p
                UNION ALL SELECT concat('o', o.xmin, o) FROM processing.outbox o
                UNION ALL SELECT concat('c', c.xmin, c) FROM auth.reward_claims c
                UNION ALL SELECT concat('w', w.xmin, w) FROM auth.wallet_entries w
                UNION ALL SELECT concat('u', u.xmin, u) FROM auth.users u
                UNION ALL SELECT concat('s', s.xmin, s) FROM auth.outbox s
            ) AS lines
            """
        ).first?.decode(0) ?? ""
    }

    static func number(_ client: PostgresClient, _ sql: SQL) async throws -> Int {
        Int(try await client.query(sql).first?.decode(0, as: Int64.self) ?? 0)
    }

    /// How many of these events are recorded.
    static func recorded(_ client: PostgresClient, _ events: [SignInEvent]) async throws -> Int {
        try await number(client, "SELECT count(*) FROM processing.events WHERE id = ANY(\(events.map(\.id)))")
    }

    /// Whether progress, completions and outbox are what one event after the other, each counted once, leads to.
    ///
    /// - Returns: the people for whom they are not.
    static func strangeProgress(
        _ client: PostgresClient, after events: [SignInEvent], terms: QuestTerms
    ) async throws -> [Identifier] {
        var strange: [Identifier] = []
        for (person, theirs) in Dictionary(grouping: Set(events), by: \.userID) {
            var expected = Progress.none
            for _ in theirs { _ = expected.count(under: terms) }
            let rows = try await ProgressRows(client).list(of: person, limit: 2)
            let completions = try await number(
                client,
                """
                SELECT count(*) FROM processing.events e JOIN processing.outbox o ON o.event_id = e.id
                WHERE e.user_id = \(person) AND e.event_type = 'QuestCompleted'
                """)
            if rows.map(\.progress) != [expected] || completions != Int(expected.duplication) { strange.append(person) }
        }
        return strange
    }

    /// Repeats what may be repeated, as every loop of the workers does.
    ///
    /// - Returns: the value, and what went wrong before.
    static func persist<Value: Sendable>(
        _ body: @Sendable () async throws -> Value
    ) async throws -> (value: Value, failures: [PostgresError]) {
        var failures: [PostgresError] = []
        var value: Value?
        try await eventually("it succeeds in the end", every: .milliseconds(5)) {
            do {
                value = try await body()
                return true
            } catch let error as PostgresError where error.isRetryable {
                failures.append(error)
                return false
            } catch {
                throw Unrecoverable("\(error)")
            }
        }
        guard let value else { throw Unrecoverable("there is no value") }
        return (value, failures)
    }
}
