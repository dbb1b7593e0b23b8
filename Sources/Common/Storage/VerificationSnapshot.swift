import Domain
import Postgres

/// What the tables say about one person, as `verify` and `replay` read it. What stands in JSON is kept as its text, for a
/// damaged row may hold anything.
public enum VerificationSnapshot {
    /// So many events of one type were recorded under one catalog revision.
    public struct EventCount: Sendable {
        public let type: String
        public let revision: Int64
        public let count: Int64

        public init(type: String, revision: Int64, count: Int64) {
            self.type = type
            self.revision = revision
            self.count = count
        }
    }

    public struct ProgressRow: Sendable {
        public let questID: Identifier
        public let revision: Int64
        public let status: Int16
        public let progress: Progress
        public let lastEvents: Int32
        public let lastGoal: Int32
        public let lastLimit: Int32
        public let lastStart: Int32
        public let lastCompletions: Int32
    }

    /// What holds for a person as a whole; its size depends on the catalog, not on how much the person did.
    public struct Person: Sendable {
        /// Events of the types that quests listen to; all others together have no type.
        public var events: [EventCount] = []
        public var completionCount: Int64 = 0
        public var claimCount: Int64 = 0
        public var progress: [ProgressRow] = []
        /// Events that filled more than one streak of one quest.
        public var sharedCauses: [SharedCause] = []
        /// Nil when there is no account.
        public var balances: (gold: Int64, diamond: Int64)?
        /// By item the sum of all ledger entries, as a decimal number of any size.
        public var ledger: [String: String] = [:]
        /// By item the first entry whose balance is not the sum of the amounts up to it.
        public var breaks: [LedgerBreak] = []
        /// The first entry that adds what it should take away, or the other way round.
        public var reversed: ReversedEntry?

        /// Somebody of whom nothing is known.
        public init() {}
    }

    public struct SharedCause: Sendable {
        public let questID: String?
        public let causeID: String
        public let count: Int64
    }

    public struct LedgerBreak: Sendable {
        public let entryID: Int64
        public let sum: String
        public let balanceAfter: Int64
    }

    public struct ReversedEntry: Sendable {
        public let entryID: Int64
        public let kind: String
        public let amount: Int64
    }

    /// The rows of a person's completions, claims and credits, or of a slice of them.
    public struct Rewards: Sendable {
        public var completions: [CompletionRow] = []
        public var claims: [ClaimRow] = []
        /// Ledger entries of kind `claim`.
        public var entries: [EntryRow] = []
        /// Completions that wait for their claim.
        public var outbox: Set<Identifier> = []

        /// None.
        public init() {}
    }

    /// A QuestCompleted row, with what its cause says.
    public struct CompletionRow: Sendable {
        public let id: Identifier
        public let occurredAt: Timestamp
        public let revision: Int64
        public let questID: String?
        public let ordinal: String?
        public let causeID: String?
        public let rewardItem: String?
        public let rewardQuantity: String?
        public let autoClaim: String?
        /// Whether it was recorded less than `flightSeconds` ago.
        public let isYoung: Bool
        /// Nil if no such event of this person is recorded.
        public internal(set) var cause: Cause?
    }

    public struct Cause: Sendable {
        public let type: String
        public let occurredAt: Timestamp
        public let revision: Int64
    }

    public struct ClaimRow: Sendable {
        public let id: Identifier
        public let questID: Identifier
        public let ordinal: Int32
        public let rewardItem: String
        public let rewardQuantity: Int64
        public let status: String
        public let createdAt: Timestamp
        public let claimedAt: Timestamp?
    }

    public struct EntryRow: Sendable {
        public let id: Int64
        public let ref: String
        public let item: String
        public let amount: Int64
        public let createdAt: Timestamp
    }

    /// Completions younger than this may still be on their way to a claim.
    public static let flightSeconds: Int64 = 60
}

/// People who are read together: no table has more than the limit of rows for them, unless they are one person.
public struct VerificationPage: Sendable {
    public let first: Identifier
    /// Nil stands for the greatest id.
    let end: Identifier?
    let isOnePerson: Bool
    /// Where the next page begins; nil after the last one.
    public let next: Identifier?

    var range: SQL {
        if isOnePerson { return "user_id = \(first)" }
        // Two bounds that are always there let the planner use the indexes on user_id.
        guard let end else { return "user_id >= \(first) AND user_id <= \(Identifier(high: .max, low: .max))" }
        return "user_id >= \(first) AND user_id < \(end)"
    }
}

/// One of the equal parts into which all ids are divided by their first bits. Completions have derived ids, which fall into
/// the parts evenly.
public struct IdentifierSlice: Sendable, Hashable {
    public let first: Identifier
    public let last: Identifier

    /// All ids in 2 to the power of `bits` parts, in order.
    public static func all(bits: Int) -> [IdentifierSlice] {
        let bits = min(max(bits, 0), 20)
        guard bits > 0 else {
            return [IdentifierSlice(first: .init(high: 0, low: 0), last: .init(high: .max, low: .max))]
        }
        let width = UInt64.max >> UInt64(bits)
        return (0..<(UInt64(1) << UInt64(bits))).map { index in
            let high = index << UInt64(64 - bits)
            return IdentifierSlice(
                first: Identifier(high: high, low: 0), last: Identifier(high: high | width, low: .max))
        }
    }

    public func contains(_ id: Identifier) -> Bool {
        first <= id && id <= last
    }

    public func contains(_ other: IdentifierSlice) -> Bool {
        first <= other.first && other.last <= last
    }

    /// Of the text form of an id; any other text falls into one slice as well.
    func condition(on column: String) -> SQL {
        var conditions: [SQL] = ["true"]
        if first > Identifier(high: 0, low: 0) {
            conditions.append("\(unsafe: column) COLLATE \"C\" >= \(first.description)")
        }
        if let end = last.successor { conditions.append("\(unsafe: column) COLLATE \"C\" < \(end.description)") }
        return SQL(joining: conditions, by: " AND ")
    }
}

extension Identifier {
    /// The least id after this one; nil after the greatest.
    var successor: Identifier? {
        let (low, isCarried) = low.addingReportingOverflow(1)
        let (high, isLast) = high.addingReportingOverflow(isCarried ? 1 : 0)
        return isLast ? nil : Identifier(high: high, low: low)
    }
}
