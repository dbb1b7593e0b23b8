/// One state of the catalog: its revision, and the id it got with the change that made it, which tells it from another
/// state that has the same number after a database was restored.
public struct CatalogEdition: Hashable, Sendable, CustomStringConvertible {
    public let revision: Int64
    public let id: Identifier

    public init(revision: Int64, id: Identifier) {
        self.revision = revision
        self.id = id
    }

    /// Reads `<revision> <id>`.
    public init?(_ text: String) {
        let words = text.split(separator: " ", omittingEmptySubsequences: false)
        guard words.count == 2, let revision = Int64(words[0]), let id = Identifier(String(words[1])) else {
            return nil
        }
        self.init(revision: revision, id: id)
    }

    public var description: String { "\(revision) \(id)" }
}
