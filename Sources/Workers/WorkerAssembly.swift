import Catalog
import Redis
import Runtime
import ServiceLifecycle
import Storage
import Streams

/// The loops of a worker, put together from its settings.
struct WorkerAssembly {
    private let connections: Connections
    private let consumer = Connections.consumerName()

    init(_ connections: Connections) {
        self.connections = connections
    }

    var services: [any Service] {
        Role.allCases.filter { connections.settings.roles.contains($0) }.flatMap(services)
    }

    private var keys: StreamKeys { connections.settings.keys }
    private var producer: Producer { Producer(connections.streams, keys: keys) }
    private var changes: Changes { Changes(connections.streams, keys: keys) }
    private var quests: QuestRows { QuestRows(connections.postgres) }

    private var signIns: SignInOutbox { SignInOutbox(connections.postgres) }
    private var completions: CompletionOutbox { CompletionOutbox(connections.postgres) }
    private var events: EventStore { EventStore(connections.postgres) }
    private var losses: Losses { Losses(connections.postgres) }

    private func services(_ role: Role) -> [any Service] {
        switch role {
        case .progress:
            let books = QuestBooks(rows: quests, cache: connections.cache, keys: keys)
            let handler = ProgressHandler(
                events: events, outbox: signIns, losses: losses, books: books, producer: producer, changes: changes,
                logger: connections.logger)
            return [StreamWorker(group: progressGroup, handler: handler, connections: connections, keys: keys)]
        case .claims:
            let handler = ClaimsHandler(
                claims: Claims(connections.postgres), outbox: completions, changes: changes)
            return [StreamWorker(group: claimsGroup, handler: handler, connections: connections, keys: keys)]
        case .relay:
            let projector = Projector(
                outbox: CatalogOutbox(connections.postgres), rows: quests, cache: connections.cache,
                streams: connections.streams, keys: keys)
            return [
                Relay(
                    connections: connections, signIns: signIns, completions: completions, events: events,
                    projector: projector, producer: producer)
            ]
        case .janitor:
            let groups = [progressGroup, claimsGroup]
            return [
                Janitor(
                    connections: connections, groups: groups, revoked: RevokedTokens(connections.postgres),
                    losses: losses),
                StreamKeeper(
                    connections: connections, groups: groups, positions: StreamPositions(connections.postgres),
                    signIns: signIns),
                Reporter(connections, holder: consumer),
            ]
        }
    }

    private var progressGroup: ConsumerGroup { group(keys.signIns, StreamKeys.progressGroup) }
    private var claimsGroup: ConsumerGroup { group(keys.completions, StreamKeys.claimsGroup) }

    private func group(_ stream: String, _ name: String) -> ConsumerGroup {
        ConsumerGroup(
            reads: connections.streams.dedicated(name: "questline-\(name)"), commands: connections.streams,
            stream: stream, group: name, consumer: consumer)
    }
}
