import Domain
import Logging
import Metrics
import Postgres
import Redis
import Runtime
import ServiceLifecycle
import Streams

/// What a role does with the entries of its stream.
protocol EntryHandler: Sendable {
    associatedtype Item: Sendable

    func decode(_ entry: StreamEntry) throws(EntryError) -> Item

    /// Applies all items in one transaction, harmlessly for those applied before, and tells others of it.
    ///
    /// - Returns: items that went nowhere and never will, by their index, with the reason.
    /// - Throws: `PostgresError`, `CatalogUnusable`: nothing was applied as far as is known.
    func apply(_ items: [Item]) async throws -> [Int: String]
}

/// One consumer of one group: read, apply, acknowledge. It reads ahead while Postgres commits.
struct StreamWorker<Handler: EntryHandler>: Service {
    let group: ConsumerGroup
    let handler: Handler
    let connections: Connections
    let letters: DeadLetters

    private var settings: WorkerSettings { connections.settings }
    private var logger: Logger { connections.logger }

    /// An idle read returns after this, to look for entries to take over or for the end.
    private let block = Duration.milliseconds(500)

    init(group: ConsumerGroup, handler: Handler, connections: Connections, keys: StreamKeys) {
        self.group = group
        self.handler = handler
        self.connections = connections
        letters = DeadLetters(connections.streams, keys: keys)
    }

    func run() async throws {
        var sweep = Sweep(interval: settings.reclaimIdle / 4)
        var batch = try await read()
        while true {
            let isStopping = Task.isShuttingDownGracefully
            // Nothing new is asked for once the process is to stop; what was read is still finished.
            async let ahead = isStopping ? StreamBatch.empty : read()
            try await process(batch.map { (entry: $0, deliveries: 1) })
            if !isStopping, sweep.isDue { try await reclaim(&sweep) }
            batch = try await ahead
            if isStopping { return }
        }
    }

    /// The next entries; waits while Redis is away.
    private func read() async throws -> StreamBatch {
        var pause = Pause()
        while true {
            do {
                let batch = try await group.read(count: settings.batchSize, block: block)
                connections.redisOutage.succeeded(group.group)
                return batch
            } catch {
                guard error.code != .cancelled else { throw CancellationError() }
                connections.redisOutage.failed(error, of: group.group)
            }
            if Task.isShuttingDownGracefully { return .empty }
            do { try await pause.wait() } catch { return .empty }
        }
    }

    /// Takes over what other consumers have left, a batch at a time.
    private func reclaim(_ sweep: inout Sweep) async throws {
        do {
            let found = try await group.reclaim(
                minIdle: settings.reclaimIdle, count: settings.batchSize, after: sweep.position)
            sweep.moved(to: found.next)
            if !found.deleted.isEmpty {
                logger.error(
                    "events are lost: their entries were deleted before they were recorded",
                    metadata: [
                        "stream": "\(group.stream)",
                        "ids": "\(found.deleted.map(\.description).joined(separator: " "))",
                    ])
            }
            guard !found.entries.isEmpty else { return }
            logger.notice(
                "took over entries", metadata: ["group": "\(group.group)", "entries": "\(found.entries.count)"])
            Counter(label: "quest_reclaimed_total", dimensions: [("group", group.group)]).increment(
                by: found.entries.count)
            try await process(found.entries.map { (entry: $0.entry, deliveries: $0.deliveries) })
        } catch let error as RedisError {
            guard error.code != .cancelled else { throw CancellationError() }
            connections.redisOutage.failed(error, of: group.group)
        }
    }

    private func process(_ entries: [(entry: StreamEntry, deliveries: Int)]) async throws {
        guard !entries.isEmpty else { return }
        let work = DecodedBatch(entries, with: handler)
        var machine = BatchMachine(count: work.order.count, malformed: work.malformed)
        var pause = Pause()
        while true {
            switch machine.next {
            case .finished: return
            case .wait:
                // Entries that are not finished when the process stops are taken over by another.
                do { try await pause.wait() } catch { return }
                machine.waited()
            case .perform(let step):
                try await perform(step, of: work, &machine)
                if machine.next != .wait { pause.reset() }
            }
        }
    }

    private func perform(_ step: BatchMachine.Step, of work: DecodedBatch<Handler>, _ machine: inout BatchMachine)
        async throws
    {
        do {
            switch step {
            case .apply(let range):
                let refused = try await handler.apply(Array(work.items[range]))
                connections.postgresOutage.succeeded(group.group)
                connections.catalogOutage.succeeded(group.group)
                machine.succeeded(
                    refusing: Dictionary(uniqueKeysWithValues: refused.map { ($0.key + range.lowerBound, $0.value) }))
            case .bury(let index, let reason):
                let (entry, deliveries) = work.order[index]
                try await letters.bury(entry, from: group, error: reason, deliveries: deliveries, at: .now)
                logger.warning(
                    "dead letter",
                    metadata: ["stream": "\(group.stream)", "entry": "\(entry.id)", "error": "\(reason)"])
                Counter(label: "quest_dead_letters_total", dimensions: [("group", group.group)]).increment()
                machine.succeeded()
            case .acknowledge(let indices):
                try await group.acknowledge(indices.map { work.order[$0].entry.id })
                connections.redisOutage.succeeded(group.group)
                machine.succeeded()
            }
        } catch let error as PostgresError where error.isDataError {
            machine.rejected("SQLSTATE \(error.sqlState ?? "")\(error.constraint.map { ", \($0)" } ?? "")")
        } catch let error as PostgresError where error.code != .cancelled {
            if error.isOutage || !error.isRetryable { connections.postgresOutage.failed(error, of: group.group) }
            Counter(label: "quest_batch_retries_total", dimensions: [("group", group.group)]).increment()
            machine.unavailable()
        } catch let error as RedisError where error.code != .cancelled {
            connections.redisOutage.failed(error, of: group.group)
            machine.unavailable()
        } catch let error as CatalogUnusable {
            connections.catalogOutage.failed(error, of: group.group)
            machine.unavailable()
        } catch let error as PostgresError where error.code == .cancelled {
            throw CancellationError()
        } catch let error as RedisError where error.code == .cancelled {
            throw CancellationError()
        }
    }
}

/// The entries of a read, those that can be parsed first, each with its item.
private struct DecodedBatch<Handler: EntryHandler> {
    let items: [Handler.Item]
    let order: [(entry: StreamEntry, deliveries: Int)]
    /// By their index in `order`.
    let malformed: [Int: String]

    init(_ entries: [(entry: StreamEntry, deliveries: Int)], with handler: Handler) {
        var items: [Handler.Item] = []
        items.reserveCapacity(entries.count)
        var good: [(entry: StreamEntry, deliveries: Int)] = []
        good.reserveCapacity(entries.count)
        var bad: [(entry: StreamEntry, deliveries: Int)] = []
        var reasons: [String] = []
        for candidate in entries {
            do {
                items.append(try handler.decode(candidate.entry))
                good.append(candidate)
            } catch {
                bad.append(candidate)
                reasons.append("\(error)")
            }
        }
        self.items = items
        order = good + bad
        malformed = Dictionary(uniqueKeysWithValues: reasons.enumerated().map { (good.count + $0.offset, $0.element) })
    }
}

/// Where a walk through a group's pending entries stands, and when the next one begins.
private struct Sweep {
    let interval: Duration
    private(set) var position = StreamID.zero
    private var next: ContinuousClock.Instant

    init(interval: Duration) {
        self.interval = interval
        next = .now + interval
    }

    var isDue: Bool { .now >= next }

    mutating func moved(to position: StreamID?) {
        self.position = position ?? .zero
        if position == nil { next = .now + interval }
    }
}

/// The quests cannot be known now: wait, for "no quests" would be a wrong answer.
enum CatalogUnusable: Error, CustomStringConvertible {
    /// Nobody has seeded one.
    case missing
    /// It changed again and again while a batch was tried.
    case changing

    var description: String {
        switch self {
        case .missing: "there is no catalog yet: run questline-worker migrate"
        case .changing: "the catalog changes faster than a batch can be recorded"
        }
    }
}
