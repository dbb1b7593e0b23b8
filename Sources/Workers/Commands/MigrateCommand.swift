import ArgumentParser
import Domain
import Identity
import Postgres
import Runtime
import Storage

/// Brings the database up to date and seeds an empty one.
struct MigrateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "migrate",
        abstract: "Create or upgrade the tables; seed a player, an admin and the first quest where they are missing.",
        discussion: "Waits for Postgres. Safe to run again and from several machines at once.")

    func run() async throws {
        await Launch.process {
            let settings = try SettingsReader.read { reader in
                // Both are read before either counts, so that one start names every mistake.
                let (seeds, worker) = (SeedSettings(&reader), WorkerSettings(&reader))
                return seeds.flatMap { seeds in worker.map { (seeds: seeds, worker: $0) } }
            }
            let seeds = settings.seeds
            let connections = Connections(started: settings.worker)
            try await connections.waitForPostgres()
            let applied = try await Migrator(connections.postgres, logger: connections.logger).migrate()
            let planted = try await seeds.plant(with: Seeding(connections.postgres))
            print(
                applied.isEmpty
                    ? "The schema is up to date."
                    : "Applied migrations \(applied.map(String.init).joined(separator: ", ")).")
            print(planted.isEmpty ? "Nothing to seed." : "Seeded \(planted.joined(separator: ", ")).")
            connections.postgres.close()
        }
    }
}

/// What `migrate` seeds.
struct SeedSettings: Sendable {
    private let player: (name: String, password: String)
    private let admin: (name: String, password: String)
    private let apiKey: String?
    private let questName: String
    private let terms: QuestTerms
    private let autoClaim: Bool
    private let rewardItem: RewardItem
    private let rewardQuantity: Int64
    private let parameters: PasswordParameters

    /// Of compose.yaml.
    private static let localAPIKey = "questline-local-key"

    /// In production the well-known secrets are refused, and both passwords have to be set.
    init?(_ reader: inout SettingsReader) {
        let deployment: Deployment = reader.choice("QUESTLINE_ENV", default: .local)
        player = (
            reader.string("QUESTLINE_PLAYER_USER", default: "user"),
            reader.secret("QUESTLINE_PLAYER_PASSWORD", localDefault: "password", in: deployment, minimumBytes: 8)
        )
        admin = (
            reader.string("QUESTLINE_ADMIN_USER", default: "admin"),
            reader.secret("QUESTLINE_ADMIN_PASSWORD", localDefault: "admin-password", in: deployment, minimumBytes: 8)
        )
        apiKey = reader.secret("QUESTLINE_API_KEY")
        if deployment == .production, apiKey == SeedSettings.localAPIKey {
            reader.report("QUESTLINE_API_KEY", "has its well-known default in production")
        }
        if let apiKey, !APIKeys.lengths.contains(apiKey.utf8.count) {
            reader.report(
                "QUESTLINE_API_KEY", "must have \(APIKeys.lengths.lowerBound) to \(APIKeys.lengths.upperBound) bytes")
        }
        questName = reader.string("QUESTLINE_QUEST_NAME", default: "UserSignIn")
        terms = QuestTerms(
            streak: Int32(reader.integer("QUESTLINE_QUEST_STREAK", default: 3, in: 1...1_000_000)),
            duplication: Int32(reader.integer("QUESTLINE_QUEST_DUPLICATION", default: 2, in: 1...1_000_000)))
        autoClaim = reader.boolean("QUESTLINE_QUEST_AUTO_CLAIM", default: false)
        rewardItem = reader.choice("QUESTLINE_REWARD_ITEM", default: .diamond)
        rewardQuantity = Int64(reader.integer("QUESTLINE_REWARD_QTY", default: 10, in: 1...1_000_000_000_000))
        parameters = PasswordParameters(
            memory: UInt32(reader.integer("QUESTLINE_HASH_MEMORY_KIB", default: 19_456, in: 64...262_144)),
            passes: UInt32(reader.integer("QUESTLINE_HASH_PASSES", default: 2, in: 1...16)))
        for (name, account) in [("QUESTLINE_PLAYER", player), ("QUESTLINE_ADMIN", admin)] {
            if let fault = Credentials.fault(inName: account.name) { reader.report("\(name)_USER", fault) }
            if let fault = Credentials.fault(inPassword: account.password) { reader.report("\(name)_PASSWORD", fault) }
        }
    }

    /// - Returns: what was written, in words.
    func plant(with seeding: Seeding) async throws -> [String] {
        let hasher = PasswordHasher(parameters)
        let missing = Set(try await seeding.missingAccounts(of: [player.name, admin.name]))
        var accounts: [Seed.Account] = []
        for (account, role) in [(player, User.Role.player), (admin, User.Role.admin)]
        where missing.contains(account.name) {
            accounts.append(
                Seed.Account(name: account.name, passwordHash: try await hasher.hash(account.password), role: role))
        }
        return try await seeding.plant(
            Seed(
                accounts: accounts, questName: questName,
                questDescription:
                    "Sign in \(terms.streak) times for \(rewardQuantity) \(rewardItem.rawValue), up to \(terms.duplication) times.",
                eventType: .signIn, terms: terms, autoClaim: autoClaim, rewardItem: rewardItem,
                rewardQuantity: rewardQuantity, apiKeyHash: apiKey.map { APIKeyHash(of: $0).bytes }))
    }
}
