import Domain
import Postgres

/// One row of the ledger.
public struct WalletEntry: Sendable, Equatable {
    public let id: Int64
    public let kind: String
    /// Unique within its kind; of a claim, the claim's id.
    public let ref: String
    public let item: RewardItem
    /// Negative when spent.
    public let amount: Int64
    public let balanceAfter: Int64
    public let createdAt: Timestamp
}

/// The ledger of each person's gold and diamonds.
public struct Wallets: Sendable {
    let postgres: PostgresClient

    public init(_ postgres: PostgresClient) {
        self.postgres = postgres
    }

    /// The entries of a person, newest first; a wallet's entries get their numbers while its row is locked, so none
    /// appears late among older ones.
    ///
    /// - Parameter cursor: the number of the last entry of the page before.
    /// - Throws: `PostgresError`.
    public func entries(of userID: Identifier, before cursor: Int64? = nil, limit: Int) async throws -> [WalletEntry] {
        try await postgres.query(
            """
            SELECT \(unsafe: WalletEntry.columns) FROM auth.wallet_entries
            WHERE user_id = \(userID) AND entry_id < \(cursor ?? .max)
            ORDER BY entry_id DESC LIMIT \(limit)
            """, operation: "list wallet entries"
        ).map { try WalletEntry(row: $0) }
    }

    /// An entry of this person; nil if there is none of this number.
    ///
    /// - Throws: `PostgresError`.
    public func entry(_ id: Int64, of userID: Identifier) async throws -> WalletEntry? {
        try await postgres.query(
            """
            SELECT \(unsafe: WalletEntry.columns) FROM auth.wallet_entries
            WHERE entry_id = \(id) AND user_id = \(userID)
            """, operation: "read a wallet entry"
        ).first.map { try WalletEntry(row: $0) }
    }
}

extension WalletEntry {
    /// In the order in which `init(row:)` reads them.
    static let columns = "entry_id, kind, ref, item, amount, balance_after, created_at"

    init(row: PostgresRow) throws {
        self.init(
            id: try row.decode(0), kind: try row.decode(1), ref: try row.decode(2),
            item: try RewardItem(row: row, column: 3), amount: try row.decode(4), balanceAfter: try row.decode(5),
            createdAt: try row.decode(6))
    }
}
