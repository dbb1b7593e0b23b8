import Domain
import Postgres
import Storage

/// What `verify` found.
public struct VerificationReport: Sendable {
    public internal(set) var people = 0
    public internal(set) var events: Int64 = 0
    public internal(set) var completions = 0
    public internal(set) var claims = 0
    /// Completions younger than a minute that have no claim yet: on their way, not missing.
    public internal(set) var inFlight = 0
    public internal(set) var differences = 0
}

/// Recomputes every progress row, completion, claim and balance from the event table.
public struct Verification: Sendable {
    private let reads: VerificationReads

    public init(_ postgres: PostgresClient) {
        reads = VerificationReads(postgres)
    }

    /// Goes through all people in ranges of about `eventsPerRange` events, each from one snapshot, so it may run beside
    /// live traffic and in bounded memory.
    ///
    /// - Parameter report: called with each difference as it is found.
    /// - Throws: `PostgresError`.
    public func run(
        eventsPerRange: Int = 20_000, _ report: @Sendable (Difference) -> Void
    ) async throws -> VerificationReport {
        var total = VerificationReport()
        var start: Identifier?
        repeat {
            let end = try await reads.rangeEnd(after: start, events: eventsPerRange)
            let snapshot = try await reads.snapshot(after: start, through: end)
            // Read after the snapshot: versions only ever come to it, so none that the snapshot used can be missing.
            let catalog = try await reads.catalog()
            let history = CatalogHistory(quests: catalog.quests, rewards: catalog.rewards)
            for (userID, person) in snapshot.people.sorted(by: { $0.key < $1.key }) {
                let check = PersonCheck(userID: userID, person: person, history: history)
                check.differences.forEach(report)
                total.add(person, check)
            }
            start = end
        } while start != nil
        return total
    }
}

extension VerificationReport {
    mutating func add(_ person: VerificationSnapshot.Person, _ check: PersonCheck) {
        people += 1
        events += person.events.reduce(0) { $0 + $1.count }
        completions += person.completions.count
        claims += person.claims.count
        inFlight += check.inFlight
        differences += check.differences.count
    }
}
