import Domain

/// Something the tables say that the events do not.
public struct Difference: Sendable, Hashable, CustomStringConvertible {
    public let userID: Identifier
    public let questID: Identifier?
    /// The table and the column or row, as in `progress.streak`.
    public let subject: String
    public let expected: String
    public let found: String

    public var description: String { "\(place): \(subject) is \(found), expected \(expected)" }

    /// As what rebuilding from the events would make of it.
    public var change: String { "\(place): \(subject) \(found) → \(expected)" }

    private var place: String { "person \(userID)" + (questID.map { " quest \($0)" } ?? "") }
}

/// Collects the differences of one person.
struct Comparison {
    let userID: Identifier
    private(set) var differences: [Difference] = []

    init(userID: Identifier) {
        self.userID = userID
    }

    mutating func require<Value: Equatable>(
        _ subject: String, of questID: Identifier? = nil, is expected: Value?, found: Value?
    ) {
        guard expected != found else { return }
        add(
            subject, of: questID, expected: expected.map { "\($0)" } ?? "nothing",
            found: found.map { "\($0)" } ?? "nothing")
    }

    mutating func add(_ subject: String, of questID: Identifier? = nil, expected: String, found: String) {
        differences.append(
            Difference(userID: userID, questID: questID, subject: subject, expected: expected, found: found))
    }
}
