import Domain
import FoundationEssentials
import Metrics
import Postgres
import Redis
import Storage
import Streams
import Synchronization

/// Reads of the catalog: from this process's memory while that is confirmed, from the copies in Redis, and from Postgres
/// when a copy is missing or Redis is away.
///
/// While Redis answers, an answer is at most 100 ms behind a change that was answered by any front; it is never behind one
/// that was reported to this object by `wrote`. However many ask for the same at the same time, it is read once.
public final class CatalogQueries: Sendable {
    /// How long the answer to a change waits for the copies.
    static let carryPatience = Duration.milliseconds(500)

    /// How often a request looks after the one who brings the copies up to date; then it reads Postgres.
    private static let pauses: [Duration] = [2, 4, 8, 16, 32].map { .milliseconds($0) }

    struct FlightKey: Hashable {
        let question: CatalogQuestion
        /// Nil for one that reads Postgres and keeps nothing.
        let edition: CatalogEdition?
        let lowest: Int64
    }

    /// How long a request waits for the cache before it reads Postgres.
    private let patience: Duration
    let rows: QuestRows
    let projector: Projector
    let memory = Mutex(CatalogMemory())
    let documents = Flights<FlightKey, CatalogDocument?>()
    let questLists = Flights<FlightKey, CatalogList<Quest>>()
    let rewardLists = Flights<FlightKey, CatalogList<Reward>>()
    private let confirmations = Flights<Bool, Void>()
    private let carrying: Turns
    let render: Render
    let metrics = CatalogMetrics()

    /// Makes pages of lists; whether there is a next one is in `hasMore`.
    public struct Render: Sendable {
        let quests: @Sendable (_ items: [Quest], _ hasMore: Bool) -> CatalogDocument
        let rewards: @Sendable (_ items: [Reward], _ hasMore: Bool) -> CatalogDocument

        public init(
            quests: @escaping @Sendable (_ items: [Quest], _ hasMore: Bool) -> CatalogDocument,
            rewards: @escaping @Sendable (_ items: [Reward], _ hasMore: Bool) -> CatalogDocument
        ) {
            self.quests = quests
            self.rewards = rewards
        }
    }

    public init(rows: QuestRows, projector: Projector, render: Render, patience: Duration = .milliseconds(250)) {
        self.patience = patience
        self.rows = rows
        self.projector = projector
        self.render = render
        carrying = Turns { _ = try? await projector.project() }
    }

    /// The answer, nil if there is no such quest or reward; retired ones are there.
    ///
    /// - Throws: `PostgresError` when it has to be read from Postgres and cannot be.
    public func answer(_ question: CatalogQuestion) async throws -> CatalogDocument? {
        if case .some(let answer) = remembered(question) { return answer }
        return try await load(question)
    }

    /// The answer if it is in memory and confirmed: `.some(nil)` for what does not exist.
    public func remembered(_ question: CatalogQuestion) -> CatalogDocument?? {
        let now = ContinuousClock.now
        switch memory.withLock({ $0.look(question, at: now) }) {
        case .remembered(let answer, let mustRenew):
            if mustRenew { renew() }
            metrics.memory.increment()
            return .some(answer)
        case .load(_, let mustRenew):
            if mustRenew { renew() }
            return nil
        case .readThrough(let mustTry):
            if mustTry { renew() }
            return nil
        case .confirm: return nil
        }
    }

    /// To be called with each change of the catalog after its commit and before it is answered: from then on nothing older
    /// is answered here, and the other fronts see it within 100 ms. Waits a moment for the copies to be replaced; if the
    /// cache is away, the relay does it later.
    public func wrote(_ edition: CatalogEdition) async {
        saw(edition.revision)
        _ = await waiting(for: CatalogQueries.carryPatience, carrying.next())
    }

    /// To be called with a revision that is about to be told, wherever it was seen: nothing older is answered here from
    /// then on.
    public func saw(_ revision: Int64) {
        memory.withLock { $0.saw(revision) }
    }

    // MARK: Freshness

    private func load(_ question: CatalogQuestion) async throws -> CatalogDocument? {
        let arrival = ContinuousClock.now
        var questions = 0
        while true {
            let (look, lowest) = memory.withLock { ($0.look(question, at: .now, arrival: arrival), $0.lowest) }
            switch look {
            case .remembered(let answer, let mustRenew):
                if mustRenew { renew() }
                metrics.memory.increment()
                return answer
            case .load(let edition, let mustRenew):
                if mustRenew { renew() }
                return try await load(question, under: edition, lowest)
            // The first may have been sent before this request came, and be too old when it is answered.
            case .confirm where questions < 2:
                questions += 1
                await confirm()
            case .readThrough(let mustTry):
                if mustTry { renew() }
                return try await readThrough(question, lowest)
            case .confirm: return try await readThrough(question, lowest)
            }
        }
    }

    private func renew() {
        Task { await confirm() }
    }

    /// Asks the cache for the edition, once for all who wait for it.
    private func confirm() async {
        let flight = Task<Void, Never> { try? await confirmations.join(true) { await self.ask() } }
        _ = await waiting(for: patience * 2, flight)
    }

    private func ask() async {
        let (sentAt, lowest) = (ContinuousClock.now, memory.withLock { $0.lowest })
        let projector = projector
        guard let edition = await asked({ try await projector.revision.current() }) else {
            return memory.withLock { $0.failed(at: .now) }
        }
        if let edition, memory.withLock({ $0.told(edition, sentAt: sentAt) }) { return noteAge() }
        // The cache was flushed, or is behind: it is brought up to date, by one front at a time.
        let projected: CatalogEdition?? = await asked {
            for pause in CatalogQueries.pauses {
                if let done = try await projector.project(stealing: false) { return done.edition }
                try await Task.sleep(for: pause)
            }
            return CatalogEdition?.none
        }
        memory.withLock { memory in
            guard case .some(.some(let projected)) = projected,
                memory.told(projected, sentAt: sentAt, certainFrom: lowest)
            else {
                return memory.failed(at: .now)
            }
        }
    }

    /// What the cache answers; nil if it does not, or not in time.
    func asked<Value: Sendable>(_ question: @escaping @Sendable () async throws -> Value) async -> Value? {
        let task = Task<Value?, Never> { try? await question() }
        guard let answer = await waiting(for: patience, task) else {
            task.cancel()
            return nil
        }
        return answer
    }

    private func noteAge() {
        metrics.age.record(memory.withLock { $0.takeOldest() } / .seconds(1))
    }
}

/// How reads of the catalog were answered.
struct CatalogMetrics: Sendable {
    let memory = Counter(label: "quest_catalog_reads_total", dimensions: [("source", "memory")])
    let redis = Counter(label: "quest_catalog_reads_total", dimensions: [("source", "redis")])
    let postgres = Counter(label: "quest_catalog_reads_total", dimensions: [("source", "postgres")])
    /// Seconds since the confirmation under which the oldest answer from memory was given.
    let age = Gauge(label: "quest_catalog_confirmed_age_seconds")
}
