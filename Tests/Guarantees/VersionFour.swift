import Domain
import Postgres

/// What the executables of schema version 4 send to the database, word for word as they did, for they are still at work while
/// a newer version is rolled out.
enum VersionFour {
    /// Its front: a sign-up, and the first sign-in of that account.
    static func signUp(_ person: Identifier, name: String, hash: String) -> SQL {
        """
        INSERT INTO auth.users (user_id, user_name, password_hash, role)
        VALUES (\(person), \(name), \(hash), \("player"))
        ON CONFLICT (user_name) DO NOTHING RETURNING \(unsafe: accountColumns)
        """
    }

    static func firstSignIn(_ event: SignInEvent) -> [SQL] {
        [
            """
            UPDATE auth.users SET status = 1, first_sign_in_at = now(), updated_at = now()
            WHERE user_id = \(event.userID) AND status = 0 RETURNING user_id
            """, keep([event]),
        ]
    }

    /// Its front: sign-ins that the stream does not take.
    static func keep(_ events: [SignInEvent]) -> SQL {
        """
        INSERT INTO auth.outbox (event_id, event_type, user_id, occurred_at, traceparent)
        SELECT * FROM unnest(\(events.map(\.id)), \(events.map(\.type.name)), \(events.map(\.userID)),
            \(events.map(\.occurredAt)), \(events.map { _ in String?.none })) AS e (id, event_type, user_id, at, traceparent)
        RETURNING outbox_id
        """
    }

    /// Its front, after a sign-in whose hash was of older parameters: no token becomes void.
    static func renewHash(_ person: Identifier, old: String, new: String) -> SQL {
        "UPDATE auth.users SET password_hash = \(new) WHERE user_id = \(person) AND password_hash = \(old)"
    }

    static func credentials(_ name: String) -> SQL {
        "SELECT \(unsafe: accountColumns), password_hash FROM auth.users WHERE user_name = \(name)"
    }

    /// Its relay: what is due, and that it was published.
    static let due: SQL = """
        SELECT outbox_id, event_id, event_type, user_id, occurred_at, traceparent FROM auth.outbox
        WHERE published_at IS NULL AND created_at <= now() - \(Int64(0)) * interval '1 millisecond'
        ORDER BY published_at, outbox_id LIMIT \(1_000) FOR UPDATE SKIP LOCKED
        """

    static func note(_ rows: [Int64]) -> SQL {
        "UPDATE auth.outbox SET published_at = now() WHERE outbox_id = ANY(\(rows))"
    }

    /// Its worker: the catalog, which has one quest here.
    static let book: SQL = """
        SELECT c.revision, c.edition, q.quest_id, q.event_type, q.streak, q.duplication, q.auto_claim, r.reward_item,
            r.reward_qty
        FROM catalog.revision c
        LEFT JOIN (catalog.quests q JOIN catalog.rewards r ON r.reward_id = q.reward_id) ON q.active
        """

    private static let accountColumns =
        "user_id, user_name, status, role, gold, diamond, tokens_valid_from, created_at"
}
