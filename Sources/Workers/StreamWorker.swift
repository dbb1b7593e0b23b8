import Domain
import Logging
import Metrics
import Postgres
import Redis
import Runtime
import ServiceLifecycle
import Streams

/// One consumer of one group: read, apply, acknowledge, two batches side by side and a third one read ahead. It keeps
/// what it holds its own, and takes over what others have left.
struct StreamWorker<Handler: EntryHandler>: Service {
    /// Entries in hand, until their holding is released.
    struct Batch: Sendable {
        let deliveries: [Delivery]
        let holding: Lease.Holding
    }

    let group: ConsumerGroup
    let handler: Handler
    let connections: Connections
    let letters: DeadLetters
    let lease: Lease
    let metrics: GroupMetrics

    var settings: WorkerSettings { connections.settings }
    var logger: Logger { connections.logger }

    /// One for each batch that is processed at the same time: while one is committed, published or acknowledged, Postgres
    /// works on the other. Very small ones spend most of their time so, and share round trips and syncs. One more is read meanwhile.
    ///
    /// Each has a name for outages: what one is through with another may still be waiting for.
    private var parties: [String] {
        let count = settings.batchSize < StreamWorker.fewest ? handler.hands * 16 : handler.hands
        return (0..<count).map { "\(group.group) \($0)" }
    }

    /// Batches that are smaller are read so many entries at a time: each read costs the server a sync of its own.
    private static var fewest: Int { 64 }

    /// An idle read returns after this, to look for entries to take over or for the end.
    private let block = Duration.milliseconds(500)

    init(group: ConsumerGroup, handler: Handler, connections: Connections, keys: StreamKeys) {
        self.group = group
        self.handler = handler
        self.connections = connections
        letters = DeadLetters(connections.streams, keys: keys)
        lease = Lease(group, reclaimIdle: connections.settings.reclaimIdle)
        metrics = GroupMetrics(group.group)
    }

    func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { await lease.keep(connections.redisOutage) }
            try await work()
            tasks.cancelAll()
        }
    }

    private func work() async throws {
        var sweep = Sweep(interval: settings.reclaimIdle / 4)
        try await withThrowingTaskGroup(of: String.self) { busy in
            let all = parties
            var free = all
            // Nothing new is asked for once the process is to stop; what was read is still finished.
            while !Task.isShuttingDownGracefully {
                for batch in try await read() {
                    // Without a backlog one at a time: what comes meanwhile gathers to fewer, larger transactions.
                    let needed = batch.deliveries.count == settings.batchSize ? 1 : all.count
                    while free.count < needed, let party = try await busy.next() { free.append(party) }
                    guard let party = free.popLast() else { continue }
                    busy.addTask {
                        try await process(batch, as: party)
                        return party
                    }
                }
                guard sweep.isDue else { continue }
                // An entry that is tried alone must be alone: nothing else could be what kills the process.
                while let party = try await busy.next() { free.append(party) }
                try await reclaim(&sweep)
            }
            try await busy.waitForAll()
        }
    }

    /// The next entries; waits while Redis is away. Empty when there are none.
    private func read() async throws -> [Batch] {
        var pause = Pause()
        while true {
            do {
                let size = settings.batchSize
                let entries = try await group.read(count: max(size, StreamWorker.fewest), block: block)
                connections.redisOutage.succeeded(group.group)
                return stride(from: 0, to: entries.count, by: size).map { start in
                    held(entries[start..<min(start + size, entries.count)].map { Delivery(entry: $0, deliveries: 1) })
                }
            } catch {
                guard error.code != .cancelled else { throw CancellationError() }
                connections.redisOutage.failed(error, of: group.group)
            }
            if Task.isShuttingDownGracefully { return [] }
            do { try await pause.wait() } catch { return [] }
        }
    }

    private func held(_ deliveries: [Delivery]) -> Batch {
        Batch(deliveries: deliveries, holding: lease.hold(deliveries.map(\.entry.id)))
    }

    // MARK: Taking over

    /// Takes over what other consumers have left, or what was sent to this one and never came.
    private func reclaim(_ sweep: inout Sweep) async throws {
        do {
            let found = try await group.stale(
                minIdle: settings.reclaimIdle, count: settings.batchSize, after: sweep.position)
            let held = lease.ids
            let left = found.entries.filter { !held.contains($0.id) }
            var count = 0
            for entries in Isolation.groups(left, batch: company) {
                if Task.isShuttingDownGracefully { return }
                count += try await takeOver(entries)
            }
            sweep.moved(to: found.next)
            guard count > 0 else { return }
            logger.notice("took over entries", metadata: ["group": "\(group.group)", "entries": "\(count)"])
        } catch let error as RedisError {
            guard error.code != .cancelled else { throw CancellationError() }
            connections.redisOutage.failed(error, of: group.group)
        }
    }

    /// The most entries that are taken over at once.
    private var company: Int { min(settings.batchSize, ConsumerGroup.stepLimit) }

    /// - Returns: how many entries were taken over.
    private func takeOver(_ entries: [StaleEntry]) async throws -> Int {
        let isTrial = Isolation.isTrial(entries, batch: company)
        let taken = try await group.takeOver(entries.map(\.id), minIdle: settings.reclaimIdle, isTrial: isTrial)
        try await noteLost(taken.missing)
        guard let first = taken.deliveries.first else { return 0 }
        metrics.reclaimed.increment(by: taken.deliveries.count)
        let batch = held(taken.deliveries)
        guard isTrial else {
            try await process(batch, as: group.group)
            return taken.deliveries.count
        }
        if taken.trials > Isolation.trials {
            let reason = "its worker died \(Isolation.trials) times with this entry alone in hand"
            try await process(batch, as: group.group, condemned: reason)
        } else {
            try await process(batch, as: group.group, trial: first.entry.id)
        }
        try await group.endTrial(of: first.entry.id)
        return 1
    }

    private func noteLost(_ ids: [StreamID]) async throws {
        guard !ids.isEmpty else { return }
        do {
            // Written down first: the pending list is all that still knows of them.
            try await handler.noteLost(ids, of: group.stream)
        } catch let error as PostgresError {
            guard error.code != .cancelled else { throw CancellationError() }
            connections.postgresOutage.failed(error, of: group.group)
            return
        }
        try await group.acknowledge(ids)
        metrics.lost.increment(by: ids.count)
        logger.error(
            "entries are lost: something else deleted them from the stream before they were done with",
            metadata: [
                "stream": "\(group.stream)", "count": "\(ids.count)",
                "ids": "\(ids.prefix(20).map(\.description).joined(separator: " "))",
            ])
    }
}
