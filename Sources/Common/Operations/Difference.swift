import Domain

/// Something the tables say that the events do not.
public struct Difference: Sendable, Hashable, CustomStringConvertible {
    public let userID: Identifier
    public let questID: Identifier?
    /// The table and the column or row, as in `progress.streak`.
    public let subject: String
    public let expected: String
    public let found: String

    public var description: String {
        let quest = questID.map { " quest \($0)" } ?? ""
        return "person \(userID)\(quest): \(subject) is \(found), expected \(expected)"
    }
}

/// Collects the differences of one person.
struct Comparison {
    let userID: Identifier
    private(set) var differences: [Difference] = []

    init(userID: Identifier) {
        self.userID = userID
    }

    mutating func require<Value: Equatable>(
        _ subject: String, of questID: Identifier? = nil, is expected: Value, found: Value
    ) {
        if expected != found { add(subject, of: questID, expected: "\(expected)", found: "\(found)") }
    }

    mutating func add(_ subject: String, of questID: Identifier? = nil, expected: String, found: String) {
        differences.append(
            Difference(userID: userID, questID: questID, subject: subject, expected: expected, found: found))
    }
}
