import Domain
import Postgres

/// All that a person sees of themselves at one moment.
public struct PersonSnapshot: Sendable {
    /// Nil for somebody without an account.
    public let user: User?
    /// By quest id.
    public let progress: [QuestProgress]
    /// Those that wait to be claimed, then the latest that were claimed, each newest first.
    public let claims: [RewardClaim]
    /// How many claims there are of each quest, those beyond the ones above too.
    public let claimCounts: [(questID: Identifier, count: Int64)]
    /// The latest, newest first.
    public let entries: [WalletEntry]

    /// At most so many of each are read.
    public static let mostProgress = 200
    public static let mostPending = 100
    public static let mostRecent = 20

    /// Reads it in one round trip, every part from its own schema.
    ///
    /// - Throws: `PostgresError`.
    public static func read(_ postgres: PostgresClient, of userID: Identifier) async throws -> PersonSnapshot {
        let results = try await postgres.transaction(
            [
                "SELECT \(unsafe: Users.columns) FROM auth.users WHERE user_id = \(userID)",
                """
                SELECT id, user_id, quest_id, catalog_revision, status, streak, duplication
                FROM processing.user_quest_rewards WHERE user_id = \(userID) ORDER BY quest_id LIMIT \(mostProgress)
                """,
                claims(of: userID, "pending", limit: mostPending), claims(of: userID, "claimed", limit: mostRecent),
                """
                SELECT quest_id, count(*) FROM auth.reward_claims WHERE user_id = \(userID)
                GROUP BY quest_id ORDER BY quest_id
                """,
                """
                SELECT \(unsafe: WalletEntry.columns) FROM auth.wallet_entries
                WHERE user_id = \(userID) ORDER BY entry_id DESC LIMIT \(mostRecent)
                """,
            ], operation: "read a person's snapshot")
        return PersonSnapshot(
            user: try results[0].first.map(Users.user), progress: try results[1].map(QuestProgress.init(row:)),
            claims: try results[2].map(Claims.claim) + results[3].map(Claims.claim),
            claimCounts: try results[4].map { (questID: try $0.decode(0), count: try $0.decode(1)) },
            entries: try results[5].map { try WalletEntry(row: $0) })
    }

    private static func claims(of userID: Identifier, _ status: String, limit: Int) -> SQL {
        """
        SELECT \(unsafe: Claims.columns) FROM auth.reward_claims WHERE user_id = \(userID) AND status = \(status)
        ORDER BY created_at DESC, claim_id DESC LIMIT \(limit)
        """
    }
}
