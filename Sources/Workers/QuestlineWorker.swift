import ArgumentParser

/// Everything behind the front: the consumer groups and the operator's commands.
@main
struct QuestlineWorker: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "questline-worker",
        abstract: "Turns sign-ins into quest progress, completions into claims, and shows that nothing was lost.",
        discussion: """
            Settings come from the environment: DATABASE_URL, REDIS_URL, CACHE_REDIS_URL and QUESTLINE_… (the README \
            lists them). Exit codes: 0 done, 1 failed or differences found, 64 wrong usage or a wrong setting.
            """,
        subcommands: [
            RunCommand.self, MigrateCommand.self, StatusCommand.self, VerifyCommand.self, ReplayCommand.self,
            RewindCommand.self, DeadLettersCommand.self, LossesCommand.self, CatalogCommand.self, AdminCommand.self,
            HealthCommand.self,
        ]
    )
}
