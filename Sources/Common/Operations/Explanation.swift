import Domain
import Postgres
import Storage

/// Why a person stands where they stand with each quest: a page of their events with what became of each, and totals.
public struct Explanation: Sendable {
    /// Where somebody stands with a quest.
    public struct Standing: Sendable, Equatable {
        public let progress: Progress
        public let limitReached: Bool
        /// The last revision under which an event was counted or refused because of the limit.
        public let catalogRevision: Int64
    }

    public struct Quest: Sendable {
        /// The quest as it is now.
        public let quest: Domain.Quest
        /// As it follows from the events.
        public let standing: Standing
        /// As the table says; nil without a row.
        public let stored: Standing?
        /// Whether the table says anything else than what follows from the events, or has other completions on record.
        public let differs: Bool
        /// How many events stand in completed streaks or in the present one.
        public let counted: Int64
        /// How many others there are of the types that it listens to or once did, by reason.
        public let notCounted: [(reason: String, count: Int64)]
        /// The events of this page that stand in the present streak, the first one first.
        public internal(set) var streakEvents: [Identifier] = []
        /// The completions to which events of this page belong, the last one first.
        public internal(set) var completions: [Completion] = []
        /// How many more events the next completion needs; nil if there will be none as the quest is now.
        public let needed: Int32?
    }

    public struct Completion: Sendable {
        public let ordinal: Int32
        public let id: Identifier
        /// The event that filled it and its time; nil if the completion is not on record.
        public let causeID: Identifier?
        public let occurredAt: Timestamp?
        public let catalogRevision: Int64
        /// How many events it has.
        public let goal: Int32
        /// Those of them that stand on this page, the first one first.
        public let events: [Identifier]
        public let claim: RewardClaim?
    }

    public struct Event: Sendable {
        public let id: Identifier
        public let type: String
        public let occurredAt: Timestamp
        public let recordedAt: Timestamp
        public let catalogRevision: Int64
        /// By quest the completion (nil: the present streak) and the place in it, from 1.
        public internal(set) var countedFor: [(questID: Identifier, completion: Int32?, place: Int32)] = []
        /// By quest the reason; without a quest if none ever listened to this type.
        public internal(set) var notCounted: [(questID: Identifier?, reason: String)] = []
    }

    public let userID: Identifier
    /// The catalog as it is now.
    public let catalogRevision: Int64
    /// The active quests, and those for which this person has events or a row; by name.
    public let quests: [Quest]
    /// The last recorded first, without completions.
    public let events: [Event]
    /// The most frequent types that no quest ever listened to, at most 100.
    public let otherTypes: [(type: String, count: Int64)]
    /// Where the next page begins; nil after the last one.
    public let next: ListPosition?

    /// The reason of an event that no quest ever listened to.
    public static let unknownType = "unknown_type"
    /// The reasons of a quest.
    public static let reasons = Course.Reason.allCases.map(\.rawValue)
}

/// Explains, person by person, by stepping the rule as `verify` does.
public struct Explanations: Sendable {
    private let reads: ExplanationReads

    public init(_ postgres: PostgresClient) {
        reads = ExplanationReads(postgres)
    }

    /// A page of a person's events, the last recorded first, with what became of each, and where the person stands; all of
    /// it from one snapshot. A duplicate is no event of its own: it was absorbed by its id. An unknown person has no events.
    ///
    /// Exact in every number. Which events filled which streak is exact by revision and by cause (`EventOrder` tells what
    /// is not stored, and what is then assumed): every event that counts is named once for each quest, and every
    /// completion has as many as it needed.
    ///
    /// Bound: a page of events, what the catalog and its versions hold, and per quest a few numbers for each revision
    /// under which the person had events. The time grows with the person's events, which Postgres counts four times.
    ///
    /// - Parameter limit: events on the page; a completion whose events stand on several pages is on each of them.
    /// - Throws: `PostgresError`.
    public func page(
        of userID: Identifier, after cursor: ListPosition? = nil, limit: Int
    ) async throws -> Explanation {
        try await reads.snapshot(of: userID) { view in
            let catalog = try await view.catalog()
            let history = CatalogHistory(quests: catalog.quests, rewards: catalog.rewards)
            let summary = try await view.summary(countingTypes: history.eventTypes)
            let rows = try await view.events(after: cursor, limit: limit + 1)
            let events = Array(rows.prefix(limit))
            var page = ExplainedPage(view.userID, events, summary, history)
            try await page.tell(view)
            return Explanation(
                userID: userID, catalogRevision: catalog.revision, quests: page.quests, events: page.events,
                otherTypes: summary.otherTypes, next: rows.count > limit ? events.last?.position : nil)
        }
    }
}
