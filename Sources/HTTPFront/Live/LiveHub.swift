import Catalog
import Domain
import Identity
import Logging
import Metrics
import NIOCore
import Postgres
import Runtime
import ServiceLifecycle
import Storage
import Synchronization

/// Keeps open pages up to date. A hint says whom to read again, and each person is read once for all of their pages; what is
/// sent is always the whole snapshot as Postgres has it now. Hints may be lost, so everybody is read again every ten seconds
/// anyway.
final class LiveHub: Service {
    struct Limits: Sendable {
        /// On this front.
        var streams = 2_000
        /// Of one person; the oldest makes room.
        var perPerson = 8
    }

    /// Between two comments on a silent stream, so that no gateway takes it for dead; and between two looks at everybody.
    static let heartbeat = Duration.seconds(10)
    /// People read at once, each on a connection of its own.
    static let readers = 2
    /// A look at the catalog is good for so long.
    private static let catalogAge = Duration.seconds(2)
    /// One person is read at most so often.
    private static let pause = Duration.milliseconds(50)

    private let postgres: PostgresClient
    private let catalog: CatalogQueries
    private let access: AccessList
    private let limits: Limits
    private let state = Mutex(LiveState())
    private let isStopping = Mutex(false)
    private let catalogTag = Mutex<(text: String, at: ContinuousClock.Instant?)>(("", nil))
    private let queue: AsyncStream<Identifier>
    private let queued: AsyncStream<Identifier>.Continuation
    private let outage: OutageLog
    private let open = Meter(label: "quest_live_streams")

    init(
        postgres: PostgresClient, catalog: CatalogQueries, access: AccessList, limits: Limits = Limits(), logger: Logger
    ) {
        self.postgres = postgres
        self.catalog = catalog
        self.access = access
        self.limits = limits
        // A person is in it once at most, so it is no longer than there are pages.
        (queue, queued) = AsyncStream.makeStream(of: Identifier.self)
        outage = OutageLog("Reading for open pages", logger: logger)
    }

    // MARK: Pages

    /// A page opens.
    ///
    /// - Parameter version: of the snapshot that it shows already.
    /// - Throws: `Problem` 503 when there are too many, or when the front stops.
    func open(_ bearer: Bearer, watching person: Identifier, has version: String?) throws -> LiveStream {
        if isStopping.withLock({ $0 }) { throw Problem.unavailable("This front is stopping", retryAfter: 1) }
        let (looks, look) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let opened = state.withLock { state -> (id: UInt64, mustRead: Bool)? in
            guard state.viewers.count < limits.streams else { return nil }
            return state.add(bearer, watching: person, has: version, look: look, most: limits.perPerson)
        }
        guard let (id, mustRead) = opened else {
            throw Problem.unavailable("Too many pages are open here", retryAfter: 5)
        }
        open.increment()
        look.onTermination = { [weak self] _ in self?.close(id) }
        if mustRead { queued.yield(person) }
        return LiveStream(id: id, looks: looks, hub: self)
    }

    func next(for id: UInt64) -> LiveState.Next { state.withLock { $0.next(for: id) } }

    func close(_ id: UInt64) {
        guard let look = state.withLock({ $0.remove(id) }) else { return }
        look.finish()
        open.decrement()
    }

    var count: Int { state.withLock { $0.viewers.count } }

    // MARK: News

    /// These people have changed, perhaps.
    func changed(_ people: [Identifier]) {
        let waiting = state.withLock { state in people.filter { state.changed($0) } }
        for person in waiting { queued.yield(person) }
    }

    /// Anybody may have changed.
    func changedAll() { changed(state.withLock { Array($0.people.keys) }) }

    /// Ends the streams of those who may not come in any more.
    func recheck() {
        state.withLock { state in
            for (id, viewer) in state.viewers where viewer.end == nil {
                let isOver = viewer.bearer.expiresAt <= .now || access.refusal(of: viewer.bearer) != nil
                if isOver { state.end(id, .signedOut) }
            }
        }
    }

    /// Sends every page elsewhere: before the port closes, for no response may be open then.
    func stop() {
        isStopping.withLock { $0 = true }
        state.withLock { state in for id in state.viewers.keys { state.end(id, .stopping) } }
    }

    // MARK: Work

    func run() async throws {
        await withDiscardingTaskGroup { group in
            for _ in 0..<LiveHub.readers { group.addTask { await self.read() } }
            group.addTask { await self.beat() }
            try? await gracefulShutdown()
            stop()
            queued.finish()
            group.cancelAll()
        }
    }

    private func read() async {
        for await person in queue {
            guard state.withLock({ $0.begin(person) }) else { continue }
            var snapshot: LiveSnapshot?
            do {
                // While no page was open nobody has looked.
                let isOld = catalogTag.withLock { $0.at.map { $0 + LiveHub.catalogAge < .now } ?? true }
                if isOld { await lookAtCatalog() }
                snapshot = LiveSnapshot(
                    try await PersonSnapshot.read(postgres, of: person), catalog: catalogTag.withLock { $0.text })
                outage.succeeded()
            } catch {
                if !Task.isCancelled { outage.failed(error) }
            }
            let mustRepeat = state.withLock { $0.finish(person, snapshot) }
            if mustRepeat {
                Task { [queued] in
                    try? await Task.sleep(for: LiveHub.pause)
                    queued.yield(person)
                }
            }
        }
    }

    /// Every second the catalog and who may come in, every ten seconds everything.
    private func beat() async {
        var seconds = 0
        while !Task.isCancelled {
            if count > 0 || seconds == 0 {
                await lookAtCatalog()
                recheck()
                if seconds % Int(LiveHub.heartbeat / .seconds(1)) == 0 {
                    state.withLock { state in
                        for id in state.viewers.keys {
                            state.viewers[id]?.isHeartbeatDue = true
                            state.viewers[id]?.look.yield()
                        }
                    }
                    changedAll()
                }
            }
            seconds += 1
            try? await Task.sleep(for: .seconds(1))
        }
    }

    private func lookAtCatalog() async {
        let most = Paging.largest
        guard
            let quests = try? await catalog.answer(
                .quests(after: nil, limit: most, eventType: nil, withRetired: false)),
            let rewards = try? await catalog.answer(.rewards(after: nil, limit: most, withRetired: false))
        else { return }
        let tag = (quests.tag + rewards.tag).filter { $0 != "\"" }
        let isNew = catalogTag.withLock { kept in
            defer { kept = (text: tag, at: .now) }
            return kept.text != tag
        }
        if isNew { changedAll() }
    }
}

/// One open page, as its response sees it. Dropping it closes it.
struct LiveStream: Sendable {
    let id: UInt64
    let looks: AsyncStream<Void>
    let hub: LiveHub
}
