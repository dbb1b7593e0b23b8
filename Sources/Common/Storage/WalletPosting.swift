import Domain
import Postgres

/// An entry that somebody wants to write into a wallet.
public struct WalletPosting: Sendable, Hashable {
    public enum Kind: String, CaseIterable, Sendable {
        /// Takes something away.
        case spend
        /// Puts right what went wrong, in either direction.
        case correction
    }

    public let userID: Identifier
    public let kind: Kind
    /// The sender's name for it, unique within its kind whoever it is about.
    public let ref: String
    public let item: RewardItem
    /// What is added; negative takes away.
    public let amount: Int64

    public init(userID: Identifier, kind: Kind, ref: String, item: RewardItem, amount: Int64) {
        self.userID = userID
        self.kind = kind
        self.ref = ref
        self.item = item
        self.amount = amount
    }

    public enum Outcome: Sendable, Equatable {
        case written(WalletEntry)
        /// The same was written before: the row as it was then.
        case repeated(WalletEntry)
        /// The ref stands for something else: another person, item or amount.
        case refReused
        /// The wallet holds too little, this much.
        case insufficient(balance: Int64)
        /// The wallet, which holds this much, would hold more than a number can tell.
        case overflowing(balance: Int64)
    }
}

extension Wallets {
    /// Writes the entry, the balance and the audit row, or nothing: in one transaction that locks the wallet first, so that
    /// a balance never falls below zero whoever else spends or claims at the same time. The same posting again, or many at
    /// once, writes one row.
    ///
    /// Somebody not known yet gets an account without name and password with what is added, as with a first claim; to
    /// take away from them is to take from an empty wallet.
    ///
    /// Locks are taken as in `Claims`: the wallet, then the ledger. A transaction here holds one wallet and waits, with its
    /// last statements, at most for one that has the same ref for another person; so there is no deadlock.
    ///
    /// - Parameter audit: written only with the entry itself.
    /// - Throws: `PostgresError`; after one whose `outcomeIsUnknown` the same posting again tells what became of it.
    public func post(_ posting: WalletPosting, as audit: AuditEntry) async throws -> WalletPosting.Outcome {
        do {
            return try await write(posting, audit)
        } catch let error as PostgresError where error.sqlState == "23505" {
            // Another wallet got an entry of this ref between the look and the insertion; it is there to be seen now.
            return try await write(posting, audit)
        }
    }

    private func write(_ posting: WalletPosting, _ audit: AuditEntry) async throws -> WalletPosting.Outcome {
        try await postgres.transaction(operation: "write a wallet entry") { transaction in
            // Statements of their own: the second sees what the lock has waited for.
            let results = try await transaction.pipeline(Wallets.looks(posting))
            let balance = try results[results.count - 2].first?.decode(0, as: Int64.self) ?? 0
            if let outcome = try Wallets.refusal(of: posting, balance: balance, written: results[results.count - 1]) {
                try await transaction.rollback()
                return outcome
            }
            let written = try await transaction.commit(after: [
                """
                UPDATE auth.users SET gold = gold + \(posting.item == .gold ? posting.amount : 0),
                    diamond = diamond + \(posting.item == .diamond ? posting.amount : 0), updated_at = now()
                WHERE user_id = \(posting.userID)
                """,
                """
                INSERT INTO auth.wallet_entries (user_id, kind, ref, item, amount, balance_after)
                VALUES (\(posting.userID), \(posting.kind.rawValue), \(posting.ref), \(posting.item.rawValue),
                    \(posting.amount), \(balance + posting.amount))
                RETURNING \(unsafe: WalletEntry.columns)
                """,
                audit.insertion,
            ])
            guard let row = written[1].first else {
                throw PostgresError(.decoding, operation: "write a wallet entry", message: "no row")
            }
            return .written(try WalletEntry(row: row))
        }
    }

    /// Makes the account if there is something to add, locks it, and looks for the ref.
    private static func looks(_ posting: WalletPosting) -> [SQL] {
        let account: SQL =
            "INSERT INTO auth.users (user_id, status) VALUES (\(posting.userID), 1) ON CONFLICT (user_id) DO NOTHING"
        let looks: [SQL] = [
            """
            SELECT \(unsafe: posting.item == .gold ? "gold" : "diamond") FROM auth.users
            WHERE user_id = \(posting.userID) FOR NO KEY UPDATE
            """,
            """
            SELECT \(unsafe: WalletEntry.columns), user_id FROM auth.wallet_entries
            WHERE kind = \(posting.kind.rawValue) AND ref = \(posting.ref)
            """,
        ]
        return posting.amount > 0 ? [account] + looks : looks
    }

    /// Why nothing is to be written; nil if something is.
    private static func refusal(
        of posting: WalletPosting, balance: Int64, written rows: PostgresResult
    ) throws -> WalletPosting.Outcome? {
        if let row = rows.first {
            let entry = try WalletEntry(row: row)
            let isSame =
                try row.decode(7) == posting.userID && entry.item == posting.item && entry.amount == posting.amount
            return isSame ? .repeated(entry) : .refReused
        }
        let (after, overflows) = balance.addingReportingOverflow(posting.amount)
        if overflows { return .overflowing(balance: balance) }
        return after < 0 ? .insufficient(balance: balance) : nil
    }
}
