import Domain

/// What is asked of the catalog.
public enum CatalogQuestion: Hashable, Sendable {
    case quest(Identifier)
    case questNamed(ExactText)
    case reward(Identifier)
    /// A page of quests after the name `cursor`, of this event type if one is given.
    case quests(after: ExactText?, limit: Int, eventType: ExactText?, withRetired: Bool)
    case rewards(after: ExactText?, limit: Int, withRetired: Bool)

    /// Whether what is not asked twice fills no more than its own place: cursors come from outside.
    var isPage: Bool {
        switch self {
        case .quest, .questNamed, .reward: false
        case .quests, .rewards: true
        }
    }
}

/// What a process remembers of the catalog, and how long it may trust it. Decides, and touches neither clock nor socket.
///
/// Answers are kept for one edition. They count while that edition was confirmed, by a question to the cache that was sent
/// less than `trust` ago, or after the request had come, however long that took; from `renewal` on somebody asks again. No confirmation counts that lies below an edition seen
/// before: what this process has answered, it never takes back.
struct CatalogMemory: Sendable {
    typealias Answer = CatalogDocument
    typealias Instant = ContinuousClock.Instant

    static let trust = Duration.milliseconds(100)
    static let renewal = Duration.milliseconds(40)
    /// How long after a failure nobody asks the cache again.
    static let rest = Duration.milliseconds(100)
    static let mostAnswers = 5_000
    static let mostPages = 500
    static let mostUnknown = 5_000

    enum Look {
        /// - Parameter mustRenew: whether somebody should confirm the edition soon; told to one asker at a time.
        case remembered(Answer?, mustRenew: Bool)
        /// Has to be loaded; the edition is confirmed.
        case load(CatalogEdition, mustRenew: Bool)
        /// The edition has to be confirmed first.
        case confirm
        /// The cache is away: Postgres is to be read, and whoever is told so tries the cache for all.
        case readThrough(mustTry: Bool)
    }

    private var confirmed: (edition: CatalogEdition, at: Instant)?
    /// The edition of the answers.
    private var edition: CatalogEdition?
    private var floor: Int64 = 0
    private var failedAt: Instant?
    private var isConfirming = false
    private var answers: [CatalogQuestion: Answer] = [:]
    private var pages: [CatalogQuestion: Answer] = [:]
    private var unknown: Set<CatalogQuestion> = []
    /// The whole lists that pages are cut from.
    private var quests: CatalogList<Quest>?
    private var rewards: CatalogList<Reward>?
    /// The oldest confirmation that an answer was given under, since the last one came.
    private var oldest = Duration.zero

    /// The lowest revision that this process may answer.
    var lowest: Int64 { floor }

    /// How many answers are kept, of those for what does not exist too.
    var size: Int { answers.count + pages.count + unknown.count }

    /// - Parameter arrival: when the request came that asks; nil for now.
    mutating func look(_ question: CatalogQuestion, at now: Instant, arrival: Instant? = nil) -> Look {
        if let failedAt {
            let mustTry = now - failedAt >= Self.rest
            // The next one is told after another rest, whatever becomes of this try.
            if mustTry { self.failedAt = now }
            return .readThrough(mustTry: mustTry)
        }
        guard let confirmed else { return .confirm }
        let age = now - confirmed.at
        let isForThis = arrival.map { confirmed.at >= $0 } ?? false
        guard age < Self.trust || isForThis else { return .confirm }
        if !isForThis, age > oldest { oldest = age }
        let mustRenew = age >= Self.renewal && !isConfirming
        if mustRenew { isConfirming = true }
        if let answer = answers[question] ?? pages[question] { return .remembered(answer, mustRenew: mustRenew) }
        if unknown.contains(question) { return .remembered(nil, mustRenew: mustRenew) }
        return .load(confirmed.edition, mustRenew: mustRenew)
    }

    /// The cache, or Postgres through the projector, has told the edition.
    ///
    /// - Parameters:
    ///   - sentAt: when it was asked.
    ///   - certainFrom: `lowest` from before Postgres was asked, if it was: a lower revision means then that the database
    ///     was restored, unless this process has changed something meanwhile.
    /// - Returns: whether it counts; if not, the cache is behind.
    mutating func told(_ edition: CatalogEdition, sentAt: Instant, certainFrom: Int64? = nil) -> Bool {
        guard edition.revision >= floor || certainFrom == floor else {
            confirmed = nil
            return false
        }
        floor = edition.revision
        if self.edition != edition {
            forget()
            self.edition = edition
        }
        confirmed = (edition: edition, at: sentAt)
        failedAt = nil
        isConfirming = false
        return true
    }

    /// The cache did not tell it.
    mutating func failed(at now: Instant) {
        confirmed = nil
        failedAt = now
        isConfirming = false
    }

    /// This process has made or read this revision of something, and is about to answer it.
    mutating func saw(_ revision: Int64) {
        guard revision > floor else { return }
        floor = revision
        if let confirmed, confirmed.edition.revision < floor { self.confirmed = nil }
    }

    /// - Parameter edition: the one that was confirmed before `answer` was read; another one may be confirmed since.
    mutating func remember(_ answer: Answer?, to question: CatalogQuestion, of edition: CatalogEdition) {
        guard isPresent(edition) else { return }
        guard let answer else {
            if unknown.count >= Self.mostUnknown { unknown.removeAll(keepingCapacity: true) }
            unknown.insert(question)
            return
        }
        if question.isPage {
            if pages.count >= Self.mostPages { pages.removeAll(keepingCapacity: true) }
            pages[question] = answer
        } else {
            if answers.count >= Self.mostAnswers { answers.removeAll(keepingCapacity: true) }
            answers[question] = answer
        }
    }

    func list(of edition: CatalogEdition) -> CatalogList<Quest>? { isPresent(edition) ? quests : nil }
    func list(of edition: CatalogEdition) -> CatalogList<Reward>? { isPresent(edition) ? rewards : nil }

    mutating func remember(_ list: CatalogList<Quest>, of edition: CatalogEdition) {
        if isPresent(edition) { quests = list }
    }

    mutating func remember(_ list: CatalogList<Reward>, of edition: CatalogEdition) {
        if isPresent(edition) { rewards = list }
    }

    private func isPresent(_ edition: CatalogEdition) -> Bool {
        edition == self.edition && edition.revision >= floor
    }

    /// The age of the confirmation under the oldest answer since the last call.
    mutating func takeOldest() -> Duration {
        defer { oldest = .zero }
        return oldest
    }

    private mutating func forget() {
        answers.removeAll(keepingCapacity: true)
        pages.removeAll(keepingCapacity: true)
        unknown.removeAll(keepingCapacity: true)
        (quests, rewards) = (nil, nil)
    }
}
