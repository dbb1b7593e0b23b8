import ArgumentParser
import Catalog
import Domain
import Postgres
import Redis
import Runtime
import Storage

/// The read models of the catalog.
struct CatalogCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "catalog", abstract: "Look after the copies of the catalog in the cache.",
        subcommands: [Rebuild.self])

    struct Rebuild: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make every copy anew: quests, rewards, lists and the revision.",
            discussion: """
                Traffic alone does that, too, one copy at a time. Copies of what does not exist any more are removed. May \
                run at any time, beside fronts and workers; what is read meanwhile comes from Postgres.
                """)

        func run() async throws {
            await Launch.process {
                let connections = try Connections.fromEnvironment()
                let keys = connections.settings.keys
                let projector = Projector(
                    outbox: CatalogOutbox(connections.postgres), rows: QuestRows(connections.postgres),
                    cache: connections.cache, streams: connections.streams, keys: keys)
                let rebuilt = try await projector.rebuild()
                print(
                    """
                    Revision \(rebuilt.edition.revision): \(rebuilt.quests) quests and \(rebuilt.rewards) rewards copied, \
                    and their 2 lists; \(rebuilt.removed) other copies removed.
                    """)
                connections.postgres.close()
                await connections.cache.close()
                await connections.streams.close()
            }
        }
    }
}
