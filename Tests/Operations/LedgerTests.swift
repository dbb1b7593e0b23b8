import Domain
import Operations
import Postgres
import Storage
import Synchronization
import TestSupport
import Testing

@Suite("verify and the ledger")
struct LedgerTests {
    private func differences(_ client: PostgresClient) async throws -> [Difference] {
        let found = Mutex<[Difference]>([])
        _ = try await Verification(client).run { difference in found.withLock { $0.append(difference) } }
        return found.withLock { $0 }
    }

    private func post(_ client: PostgresClient, _ person: Identifier, _ amount: Int64) async throws {
        _ = try await Wallets(client).post(
            WalletPosting(
                userID: person, kind: amount < 0 ? .spend : .correction, ref: Identifier.random().description,
                item: .gold, amount: amount),
            as: AuditEntry(.commandLine, "wallet", subject: person.description))
    }

    /// Of the person of the ledger: a correction of 20, then a spend of 5, then a correction of 1.
    static let corruptions = [
        "UPDATE auth.wallet_entries SET amount = -6 WHERE kind = 'spend'",
        "UPDATE auth.wallet_entries SET balance_after = balance_after + 1 WHERE kind = 'spend'",
        "UPDATE auth.wallet_entries SET balance_after = balance_after + 1 WHERE kind = 'correction' AND amount = 1",
        "UPDATE auth.wallet_entries SET item = 'diamond' WHERE kind = 'spend'",
        "UPDATE auth.wallet_entries SET kind = 'claim' WHERE kind = 'correction' AND amount = 1",
        "UPDATE auth.wallet_entries SET user_id = gen_random_uuid() WHERE kind = 'spend'",
        "DELETE FROM auth.wallet_entries WHERE kind = 'spend'",
        "UPDATE auth.users SET gold = gold + 1 WHERE gold > 0",
        // Where all sums are right and the direction is not.
        """
        UPDATE auth.wallet_entries SET amount = 5, balance_after = 25 WHERE kind = 'spend';
        UPDATE auth.wallet_entries SET balance_after = 26 WHERE kind = 'correction' AND amount = 1;
        UPDATE auth.users SET gold = 26 WHERE gold > 0
        """,
    ]

    @Test("Spends and corrections are right; what is tampered with is found", arguments: corruptions)
    func tampered(script: String) async throws {
        try await TestDatabase.with { database in
            try await Sample.fill(database, people: [.random(), .random()], limit: 2)
            let person = Identifier.random()
            for amount: Int64 in [20, -5, 1] { try await post(database.client, person, amount) }
            #expect(try await differences(database.client).isEmpty)
            try await Sample.corrupt(database.client, script)
            #expect(!(try await differences(database.client).isEmpty))
        }
    }
}
