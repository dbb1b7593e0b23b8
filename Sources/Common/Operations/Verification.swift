import Domain
import Postgres
import Storage

/// What `verify` found.
public struct VerificationReport: Sendable {
    public internal(set) var people = 0
    public internal(set) var events: Int64 = 0
    public internal(set) var completions: Int64 = 0
    public internal(set) var claims: Int64 = 0
    /// Completions younger than a minute that have no claim yet: on their way, not missing.
    public internal(set) var inFlight = 0
    public internal(set) var differences = 0
}

/// Recomputes every progress row, completion, claim and balance from the event table.
public struct Verification: Sendable {
    /// How many rows of a table are read at once.
    public static let defaultRows = 20_000

    private let reads: VerificationReads

    public init(_ postgres: PostgresClient) {
        reads = VerificationReads(postgres)
    }

    /// Goes through all people in pages, each from one snapshot, so it may run beside live traffic.
    ///
    /// Memory is bounded: a page holds people of whom no table has more than `rows` rows; somebody with more is a page of
    /// their own, whose events, ledger and completions come as counts and sums and whose completions, claims and credits
    /// come in slices of about `rows`, beside 24 bytes for each of up to a million expected completions. Besides these
    /// there is the catalog with all its versions.
    ///
    /// - Parameter report: called with each difference as it is found.
    /// - Throws: `PostgresError`.
    public func run(
        rows: Int = defaultRows, _ report: @escaping @Sendable (Difference) -> Void
    ) async throws -> VerificationReport {
        var total = VerificationReport()
        var start: Identifier? = Identifier(high: 0, low: 0)
        while let first = start {
            let rows = max(1, rows)
            let (found, next) = try await reads.snapshot { view in
                let page = try await view.page(from: first, rows: rows)
                let checks = try await PageCheck(view, page, rows: rows, scope: .everything).run(report)
                return (VerificationReport(checks), page.next)
            }
            total.add(found)
            start = next
        }
        return total
    }
}

/// Compares a page of people.
struct PageCheck {
    private let view: VerificationView
    private let page: VerificationPage
    private let rows: Int
    private let scope: PersonCheck.Scope

    init(_ view: VerificationView, _ page: VerificationPage, rows: Int, scope: PersonCheck.Scope) {
        self.view = view
        self.page = page
        self.rows = rows
        self.scope = scope
    }

    /// - Parameter report: called with each difference, a slice's together and in the order of the people.
    /// - Returns: the people with any row.
    func run(_ report: (Difference) -> Void) async throws -> [PersonCheck] {
        let catalog = try await view.catalog()
        let history = CatalogHistory(quests: catalog.quests, rewards: catalog.rewards)
        let people = try await view.people(of: page, countingTypes: history.eventTypes)
        var checks: [Identifier: PersonCheck] = [:]
        for (userID, person) in people {
            checks[userID] = PersonCheck(userID: userID, person: person, history: history, scope: scope)
        }
        let expected = checks.values.reduce(0) { $0 + $1.expectedCount }
        for slice in try await view.slices(of: page, rows: rows, expected: expected) {
            let rewards = try await view.rewards(of: page, in: slice)
            for userID in Set(checks.keys).union(rewards.keys).sorted() {
                var check =
                    checks[userID]
                    ?? PersonCheck(
                        userID: userID, person: VerificationSnapshot.Person(), history: history, scope: scope)
                check.add(rewards[userID] ?? VerificationSnapshot.Rewards(), in: slice)
                check.tell(report)
                checks[userID] = check
            }
        }
        return checks.values.sorted { $0.userID < $1.userID }
    }
}

extension VerificationReport {
    init(_ checks: [PersonCheck]) {
        for check in checks {
            people += 1
            events += check.person.events.reduce(0) { $0 + $1.count }
            completions += check.person.completionCount
            claims += check.person.claimCount
            inFlight += check.inFlight
            differences += check.differenceCount
        }
    }

    mutating func add(_ other: VerificationReport) {
        people += other.people
        events += other.events
        completions += other.completions
        claims += other.claims
        inFlight += other.inFlight
        differences += other.differences
    }
}
