import Domain

/// What stands in a list of the catalog.
public protocol CatalogItem: Codable, Hashable, Sendable {
    var name: String { get }
    var active: Bool { get }
    var revision: Int64 { get }
    var document: CatalogDocument { get }
}

extension Quest: CatalogItem {
    public var document: CatalogDocument { CatalogDocument(self) }
}

extension Reward: CatalogItem {
    public var document: CatalogDocument { CatalogDocument(self) }
}

/// All quests or all rewards, retired ones too, sorted by the bytes of their names.
public struct CatalogList<Item: CatalogItem>: Codable, Sendable {
    /// The catalog's when the list was read.
    public let revision: Int64
    public let items: [Item]

    /// As it stands in the cache.
    var document: CatalogDocument {
        let items = items.map { String(decoding: $0.document.bytes, as: UTF8.self) }.joined(separator: ",")
        return CatalogDocument("{\"revision\":\(revision),\"items\":[\(items)]}")
    }

    /// A page of those that `isWanted`.
    ///
    /// - Parameter cursor: the name of the last one of the page before.
    /// - Returns: up to `limit`, and whether there are more.
    public func page(
        after cursor: String?, limit: Int, where isWanted: (Item) -> Bool
    ) -> (items: [Item], hasMore: Bool) {
        var found: [Item] = []
        for item in items[start(after: cursor)...] where isWanted(item) {
            if found.count == limit { return (items: found, hasMore: true) }
            found.append(item)
        }
        return (items: found, hasMore: false)
    }

    private func start(after cursor: String?) -> Int {
        guard let cursor else { return 0 }
        var (low, high) = (0, items.count)
        while low < high {
            let middle = (low + high) / 2
            if cursor.utf8.lexicographicallyPrecedes(items[middle].name.utf8) {
                high = middle
            } else {
                low = middle + 1
            }
        }
        return low
    }
}
