/// Why an entry cannot be read: the text that stands in its dead letter's `error`. Names the field, not its value.
public struct EntryError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Problem: Hashable, Sendable {
        case missing
        /// The field stands there more than once, so that it is unclear which one is meant.
        case repeated
        case invalid(String)
        /// The entry itself is gone.
        case deleted
    }

    public let field: String
    public let problem: Problem

    public init(field: String, _ problem: Problem) {
        self.field = field
        self.problem = problem
    }

    public var description: String {
        switch problem {
        case .missing: "\(field) is missing"
        case .repeated: "\(field) stands there more than once"
        case .invalid(let expectation): "\(field) is not \(expectation)"
        case .deleted: "the entry was deleted"
        }
    }
}
