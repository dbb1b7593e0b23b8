import ArgumentParser

/// Everything behind the front: the consumer groups and the operator's commands.
@main
struct QuestlineWorker: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "questline-worker",
        abstract: "Turns sign-ins into quest progress, completions into claims, and shows that nothing was lost.",
        discussion: WorkerSettings.help,
        subcommands: [
            RunCommand.self, MigrateCommand.self, StatusCommand.self, VerifyCommand.self, ReplayCommand.self,
            RewindCommand.self, DeadLettersCommand.self, LossesCommand.self, CatalogCommand.self, AdminCommand.self,
            HealthCommand.self,
        ]
    )
}
