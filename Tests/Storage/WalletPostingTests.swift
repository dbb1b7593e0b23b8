import Domain
import Postgres
import TestSupport
import Testing

@testable import Storage

@Suite("Spends and corrections")
struct WalletPostingTests {
    private func post(
        _ client: PostgresClient, _ person: Identifier, _ amount: Int64, ref: String = Identifier.random().description,
        kind: WalletPosting.Kind? = nil, item: RewardItem = .gold
    ) async throws -> WalletPosting.Outcome {
        let kind = kind ?? (amount < 0 ? .spend : .correction)
        return try await Wallets(client).post(
            WalletPosting(userID: person, kind: kind, ref: ref, item: item, amount: amount),
            as: AuditEntry(.commandLine, "wallet.\(kind.rawValue)", subject: person.description))
    }

    private func number(_ client: PostgresClient, _ sql: SQL) async throws -> Int64 {
        try await client.query(sql).first?.decode(0) ?? -1
    }

    private func audited(_ client: PostgresClient) async throws -> Int64 {
        try await number(client, "SELECT count(*) FROM auth.audit_log")
    }

    @Test("A correction makes the account, a spend takes from it, and each writes ledger and audit once")
    func usual() async throws {
        try await TestDatabase.with { database in
            let person = Identifier.random()
            #expect(try await post(database.client, person, -1) == .insufficient(balance: 0))
            #expect(try await post(database.client, person, -1, kind: .correction) == .insufficient(balance: 0))
            #expect(try await Users(database.client).user(person) == nil, "nothing was added, so there is no account")
            guard case .written(let first) = try await post(database.client, person, 20, ref: "a") else {
                Issue.record("the correction was not written")
                return
            }
            #expect(first.balanceAfter == 20 && first.kind == "correction")
            let user = try #require(try await Users(database.client).user(person))
            #expect(user.name == nil && user.gold == 20 && user.diamond == 0)
            guard case .written(let second) = try await post(database.client, person, -15, ref: "a") else {
                Issue.record("a spend may have the ref of a correction")
                return
            }
            #expect(second.balanceAfter == 5 && second.amount == -15)
            #expect(try await post(database.client, person, -15, ref: "a") == .repeated(second))
            #expect(try await post(database.client, person, -14, ref: "a") == .refReused)
            #expect(try await post(database.client, person, -15, ref: "a", item: .diamond) == .refReused)
            #expect(try await post(database.client, .random(), -15, ref: "a") == .refReused)
            #expect(try await post(database.client, .random(), 20, ref: "a") == .refReused)
            #expect(try await post(database.client, person, -6) == .insufficient(balance: 5))
            #expect(try await audited(database.client) == 2)
            #expect(try await number(database.client, "SELECT count(*) FROM auth.users") == 1)
            #expect(try await Wallets(database.client).entries(of: person, limit: 9) == [second, first])
            #expect(try await Wallets(database.client).entry(first.id, of: person) == first)
            #expect(try await Wallets(database.client).entry(first.id, of: .random()) == nil)
        }
    }

    @Test("A wallet that would hold more than a number can tell is left as it is, by corrections and by claims")
    func overflow() async throws {
        try await TestDatabase.with { database in
            let person = Identifier.random()
            _ = try await post(database.client, person, .max - 5)
            #expect(try await post(database.client, person, 6) == .overflowing(balance: .max - 5))
            let completion = Sample.completion(of: person, quantity: 6, item: .gold)
            _ = try await Claims(database.client).store([completion])
            await #expect {
                _ = try await Claims(database.client).claim(completion.id, of: person)
            } throws: {
                ($0 as? PostgresError)?.sqlState == Claims.overflow
            }
            #expect(try await Claims(database.client).list(of: person, limit: 1).map(\.claim.status) == [.pending])
            guard case .written = try await post(database.client, person, 5) else {
                Issue.record("five more fit")
                return
            }
        }
    }

    @Test("Fifty spends of 1 at once from a wallet of 20: twenty are written, thirty find too little, none is left")
    func spendRace() async throws {
        try await TestDatabase.with { database in
            let person = Identifier.random()
            _ = try await post(database.client, person, 20)
            let outcomes = try await withThrowingTaskGroup(of: WalletPosting.Outcome.self) { group in
                for _ in 0..<50 { group.addTask { try await post(database.client, person, -1) } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(outcomes.count { if case .written = $0 { true } else { false } } == 20)
            #expect(outcomes.count { $0 == .insufficient(balance: 0) } == 30)
            #expect(try await Users(database.client).user(person)?.gold == 0)
            let balances = try await Wallets(database.client).entries(of: person, limit: 100).map(\.balanceAfter)
            #expect(balances == Array(0...20))
            #expect(try await audited(database.client) == 21)
        }
    }

    @Test("Twenty equal postings at once write one row, for a new account too; another wallet with that ref gets none")
    func refRace() async throws {
        try await TestDatabase.with { database in
            let person = Identifier.random()
            for amount: Int64 in [7, -2] {
                let outcomes = try await withThrowingTaskGroup(of: WalletPosting.Outcome.self) { group in
                    for _ in 0..<20 { group.addTask { try await post(database.client, person, amount, ref: "one") } }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
                #expect(outcomes.count { if case .written = $0 { true } else { false } } == 1)
                #expect(outcomes.count { if case .repeated = $0 { true } else { false } } == 19)
            }
            let everybody = (0..<20).map { _ in Identifier.random() }
            let outcomes = try await withThrowingTaskGroup(of: WalletPosting.Outcome.self) { group in
                for one in everybody { group.addTask { try await post(database.client, one, 3, ref: "shared") } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(outcomes.count { if case .written = $0 { true } else { false } } == 1)
            #expect(outcomes.count { $0 == .refReused } == 19)
            #expect(try await number(database.client, "SELECT sum(gold)::bigint FROM auth.users") == 8)
            #expect(try await audited(database.client) == 3)
        }
    }

    @Test("Claims credited meanwhile and postings do not get in each other's way")
    func besideClaims() async throws {
        try await TestDatabase.with { database in
            let people = (0..<6).map { _ in Identifier.random() }
            try await withThrowingTaskGroup { group in
                for _ in 0..<4 {
                    group.addTask {
                        for _ in 0..<15 {
                            let batch = people.map {
                                Sample.completion(of: $0, item: .gold, autoClaim: true)
                            }
                            _ = try await Claims(database.client).store(batch.shuffled())
                        }
                    }
                    group.addTask {
                        for _ in 0..<60 {
                            guard let person = people.randomElement() else { continue }
                            _ = try await post(database.client, person, .random(in: -30...30) * 2 + 1)
                        }
                    }
                }
                try await group.waitForAll()
            }
            let wrong = try await number(
                database.client,
                """
                SELECT count(*) FROM auth.users u WHERE gold < 0
                    OR gold <> (SELECT sum(amount) FROM auth.wallet_entries e WHERE e.user_id = u.user_id)
                """)
            #expect(wrong == 0)
            let broken = try await number(
                database.client,
                """
                SELECT count(*) FROM (SELECT balance_after,
                    sum(amount) OVER (PARTITION BY user_id ORDER BY entry_id) AS sum FROM auth.wallet_entries) AS c
                WHERE balance_after <> sum
                """)
            #expect(broken == 0)
        }
    }
}
