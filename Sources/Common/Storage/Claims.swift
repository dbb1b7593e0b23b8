import Domain
import Postgres

/// A reward that a person has a right to.
public struct RewardClaim: Sendable, Equatable {
    public enum Status: String, Sendable {
        case pending
        case claimed
    }

    /// The id of the completion.
    public let id: Identifier
    public let userID: Identifier
    public let questID: Identifier
    public let completion: Int32
    public let rewardItem: RewardItem
    public let rewardQuantity: Int64
    public let status: Status
    /// When the streak was filled.
    public let createdAt: Timestamp
    public let claimedAt: Timestamp?
}

/// Reward claims, and the one place that credits a wallet for them.
public struct Claims: Sendable {
    let postgres: PostgresClient
    private let roundTrips: SharedRoundTrips

    public init(_ postgres: PostgresClient) {
        self.postgres = postgres
        roundTrips = SharedRoundTrips(postgres, operation: Claims.storing, limit: 1)
    }

    private static let storing = "store claims"

    /// Stores a claim for each completion that has none yet, credits those that claim themselves, and removes the
    /// completions' outbox rows, in one transaction. Repeating it changes nothing.
    ///
    /// - Parameter completions: no two with the same id.
    /// - Returns: which of them were new.
    /// - Throws: `PostgresError`.
    public func store(_ completions: [Completion]) async throws -> Inserted {
        guard !completions.isEmpty else { return .none }
        let statements = [Claims.storeStatement(completions), CompletionOutbox.removal(of: completions.map(\.id))]
        let results =
            completions.count <= SharedRoundTrips.fewRows
            ? try await roundTrips.transaction(statements)
            : try await postgres.transaction(statements, operation: Claims.storing)
        return try Inserted(results[0].first, of: completions.count)
    }

    /// How many claims their people have not claimed yet, by item; an item without any is 0. The index on them is read,
    /// not the table.
    ///
    /// - Throws: `PostgresError`.
    public func unclaimed() async throws -> [RewardItem: Int64] {
        let rows = try await postgres.query(
            "SELECT reward_item, count(*) FROM auth.reward_claims WHERE status = 'pending' GROUP BY reward_item",
            operation: "count unclaimed rewards")
        var counts = Dictionary(uniqueKeysWithValues: RewardItem.allCases.map { ($0, Int64(0)) })
        for row in rows { counts[try RewardItem(row: row, column: 0)] = try row.decode(1) }
        return counts
    }

    /// Credits a pending claim once; afterwards, or from a second caller at the same time, only reads it.
    ///
    /// - Parameter audit: written in the same transaction, and only if this call has claimed it.
    /// - Returns: the claim as it stands now, or nil if this person has no such claim.
    /// - Throws: `PostgresError`; with SQLSTATE `Claims.overflow` if the wallet cannot hold more, and the claim stays
    ///   pending.
    public func claim(
        _ id: Identifier, of userID: Identifier, as audit: AuditEntry? = nil
    ) async throws -> RewardClaim? {
        let audited: SQL
        if let audit { audited = ", audited AS (\(audit.insertion(per: "stored")))" } else { audited = "" }
        let results = try await postgres.transaction(
            [
                """
                WITH stored AS (
                    UPDATE auth.reward_claims SET status = 'claimed', claimed_at = now()
                    WHERE claim_id = \(id) AND user_id = \(userID) AND status = 'pending'
                    RETURNING claim_id, user_id, reward_item, reward_qty, status
                ), \(unsafe: Claims.credit)\(audited)
                SELECT count(*) FROM stored
                """,
                """
                SELECT \(unsafe: Claims.columns) FROM auth.reward_claims
                WHERE claim_id = \(id) AND user_id = \(userID)
                """,
            ], operation: "claim a reward")
        return try results[1].first.map(Claims.claim)
    }

    /// The claims of a person, newest first.
    ///
    /// The order is that of when a streak was filled, which never changes; whoever walks pages meets every claim once that
    /// was there at the first page and, with `status`, keeps it.
    ///
    /// - Parameter cursor: the position of the last claim of the page before.
    /// - Returns: the claims, each with its position.
    /// - Throws: `PostgresError`.
    public func list(
        of userID: Identifier, status: RewardClaim.Status? = nil, after cursor: ListPosition? = nil, limit: Int
    ) async throws -> [(claim: RewardClaim, position: ListPosition)] {
        var conditions: [SQL] = ["user_id = \(userID)"]
        if let status { conditions.append("status = \(status.rawValue)") }
        if let cursor { conditions.append("(created_at, claim_id) < (\(cursor.time), \(cursor.id))") }
        return try await postgres.query(
            """
            SELECT \(unsafe: Claims.columns), \(unsafe: ListPosition.microseconds(of: "created_at"))
            FROM auth.reward_claims WHERE \(SQL(joining: conditions, by: " AND "))
            ORDER BY created_at DESC, claim_id DESC LIMIT \(limit)
            """, operation: "list claims"
        ).map { row in
            let claim = try Claims.claim(row)
            return (claim: claim, position: ListPosition(microseconds: try row.decode(9), id: claim.id))
        }
    }

    /// SQLSTATE of a credit beyond what a wallet can hold.
    public static let overflow = "22003"

    static let columns = """
        claim_id, user_id, quest_id, completion, reward_item, reward_qty, status, created_at, claimed_at
        """

    static func claim(_ row: PostgresRow) throws -> RewardClaim {
        RewardClaim(
            id: try row.decode(0), userID: try row.decode(1), questID: try row.decode(2), completion: try row.decode(3),
            rewardItem: try RewardItem(row: row, column: 4), rewardQuantity: try row.decode(5),
            status: RewardClaim.Status(rawValue: try row.decode(6)) ?? .pending, createdAt: try row.decode(7),
            claimedAt: try row.decodeIfPresent(8))
    }

    /// Rows are locked table by table (claims, users), within a table in the order of their keys. A person nobody signed
    /// up gets an account without name and password here; where nothing is credited, accounts that are there stay unlocked.
    private static func storeStatement(_ completions: [Completion]) -> SQL {
        """
        WITH incoming AS (
            SELECT * FROM unnest(\(completions.map(\.id)), \(completions.map(\.userID)), \(completions.map(\.questID)),
                \(completions.map(\.ordinal)), \(completions.map(\.rewardItem.rawValue)),
                \(completions.map(\.rewardQuantity)), \(completions.map(\.autoClaim)),
                \(completions.map(\.occurredAt)))
                AS c (claim_id, user_id, quest_id, completion, reward_item, reward_qty, auto_claim, occurred_at)
        ), stored AS (
            INSERT INTO auth.reward_claims (claim_id, user_id, quest_id, completion, reward_item, reward_qty, status,
                created_at, claimed_at)
            SELECT claim_id, user_id, quest_id, completion, reward_item, reward_qty,
                CASE WHEN auto_claim THEN 'claimed' ELSE 'pending' END, occurred_at,
                CASE WHEN auto_claim THEN now() END
            FROM incoming ORDER BY claim_id
            ON CONFLICT DO NOTHING
            RETURNING claim_id, user_id, reward_item, reward_qty, status
        ), \(unsafe: completions.contains(where: \.autoClaim) ? credit : accounts)
        SELECT \(Inserted.columns(id: "claim_id", of: completions.count)) FROM stored
        """
    }

    private static let accounts = """
        accounts AS (
            INSERT INTO auth.users (user_id, status) SELECT DISTINCT user_id, 1 FROM stored ORDER BY user_id
            ON CONFLICT (user_id) DO NOTHING
        )
        """

    /// Credits those rows of `stored` (claim_id, user_id, reward_item, reward_qty, status) that are claimed: all accounts
    /// concerned in the order of their ids, then a ledger row for each claim with the balance after it.
    private static let credit = """
        sums AS (
            SELECT user_id,
                coalesce(sum(reward_qty) FILTER (WHERE status = 'claimed' AND reward_item = 'gold'), 0)::bigint AS gold,
                coalesce(sum(reward_qty) FILTER (WHERE status = 'claimed' AND reward_item = 'diamond'), 0)::bigint
                    AS diamond
            FROM stored GROUP BY user_id
        ), wallets AS (
            INSERT INTO auth.users AS u (user_id, status, gold, diamond)
            SELECT user_id, 1, gold, diamond FROM sums ORDER BY user_id
            ON CONFLICT (user_id) DO UPDATE SET gold = u.gold + EXCLUDED.gold,
                diamond = u.diamond + EXCLUDED.diamond, updated_at = now()
            WHERE EXCLUDED.gold > 0 OR EXCLUDED.diamond > 0
            RETURNING user_id, gold, diamond
        ), entries AS (
            INSERT INTO auth.wallet_entries (user_id, kind, ref, item, amount, balance_after)
            SELECT c.user_id, 'claim', c.claim_id::text, c.reward_item, c.reward_qty,
                (CASE c.reward_item WHEN 'gold' THEN w.gold - s.gold ELSE w.diamond - s.diamond END
                    + sum(c.reward_qty) OVER (PARTITION BY c.user_id, c.reward_item ORDER BY c.claim_id))::bigint
            FROM stored c JOIN wallets w ON w.user_id = c.user_id JOIN sums s ON s.user_id = c.user_id
            WHERE c.status = 'claimed'
            ORDER BY c.user_id, c.claim_id
        )
        """
}
