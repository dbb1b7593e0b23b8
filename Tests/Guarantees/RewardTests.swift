import Domain
import Postgres
import TestSupport
import Testing

extension Guarantees {
    /// What a reward is worth, and what nobody may read.
    @Suite struct Rewards {
        @Test(.timeLimit(.minutes(2)), arguments: ["gold", "diamond"])
        func fault9RewardsReachTheWallet(item: String) async throws {
            try await Stage.with(seeded: false) { stage in
                try await stage.migrate(["QUESTLINE_REWARD_ITEM": item, "QUESTLINE_QUEST_AUTO_CLAIM": "true"])
                _ = try await stage.worker()
                let person = Identifier.random()
                try await stage.publish(SignIns.person(8, id: person))
                try await stage.settle(recording: 8)
                #expect(try await stage.wallet(of: person) == (item == "gold" ? [20, 0] : [0, 20]))
                try await stage.verify()
            }
        }

        @Test(.timeLimit(.minutes(2))) func fault9WithoutAutoClaimTheyWait() async throws {
            try await Stage.with { stage in
                try await stage.migrate()
                let front = try await stage.front()
                _ = try await stage.worker()
                let person = try await front.signUp("collector")
                var token = ""
                for _ in 0..<8 { token = try await front.signIn("collector").text("access_token") ?? "" }
                try await stage.settle(recording: 8)
                #expect(try await stage.number("SELECT count(*) FROM auth.reward_claims WHERE status = 'pending'") == 2)
                #expect(try await stage.wallet(of: person) == [0, 0])
                let bearer = ["Authorization": "Bearer \(token)"]
                let claims = try await stage.database.query(
                    "SELECT claim_id FROM auth.reward_claims WHERE user_id = \(person)", operation: "observe"
                ).map { try $0.decode(0, as: Identifier.self) }
                // Each from two tabs at once.
                let answers = try await inParallel(4) { index in
                    try await front.send(
                        "POST", "/api/v1/users/me/claims/\(claims[index / 2])/claim", headers: bearer)
                }
                #expect(answers.map(\.status) == [200, 200, 200, 200])
                #expect(answers.map { $0.text("status") } == ["claimed", "claimed", "claimed", "claimed"])
                #expect(try await stage.wallet(of: person) == [0, 20])
                try await stage.verify()
            }
        }

        @Test(.timeLimit(.minutes(1))) func fault9EveryTimestampHasAZone() async throws {
            try await Stage.with { stage in
                let columns = try await stage.database.query(
                    """
                    SELECT table_schema || '.' || table_name || '.' || column_name FROM information_schema.columns
                    WHERE table_schema IN ('auth', 'catalog', 'processing', 'public')
                        AND data_type IN ('timestamp without time zone', 'time without time zone')
                    """, operation: "observe"
                ).map { try $0.decode(0, as: String.self) }
                #expect(columns == [])
            }
        }

        /// Whatever stands in the repository is worth nothing in production.
        @Test(.timeLimit(.minutes(1))) func fault9ProductionRefusesSecretsThatEverybodyKnows() async throws {
            try await Stage.with { stage in
                let production = ["QUESTLINE_ENV": "production"]
                let front = try await stage.run(.front, [], production)
                #expect(front.code == 64)
                #expect(front.lines.contains { $0.contains("QUESTLINE_JWT_SECRET") })
                let migrate = try await stage.run(.worker, ["migrate"], production)
                #expect(migrate.code == 64)
                #expect(migrate.lines.contains { $0.contains("QUESTLINE_ADMIN_PASSWORD") })
                let known = try await stage.run(
                    .worker, ["migrate"], production.merging(["QUESTLINE_ADMIN_PASSWORD": "admin-password"]) { $1 })
                #expect(known.code == 64)
                #expect(!known.lines.contains { $0.contains("admin-password") }, "a refused secret is not shown")
                let compose = try await stage.run(
                    .worker, ["migrate"],
                    production.merging([
                        "QUESTLINE_API_KEY": "questline-local-key", "REDIS_URL": "redis://:questline@127.0.0.1",
                        "DATABASE_URL": "postgres://questline:questline@127.0.0.1/questline",
                    ]) { $1 })
                #expect(compose.code == 64)
                for name in ["DATABASE_URL", "REDIS_URL", "QUESTLINE_API_KEY", "QUESTLINE_ADMIN_PASSWORD"] {
                    #expect(compose.lines.contains { $0.contains("wrong setting: \(name) ") }, "\(name)")
                }
            }
        }
    }
}
