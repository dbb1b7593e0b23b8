import Streams

/// The entries of a read, each with its item or with what is wrong with it.
struct DecodedBatch<Item: Sendable>: Sendable {
    let deliveries: [Delivery]
    /// In the order of the stream; nil for what cannot be parsed.
    let items: [Item?]
    /// Whether the entries were not even looked at.
    let isCondemned: Bool
    /// Why, by the entry's place.
    let malformed: [Int: String]

    init(_ deliveries: [Delivery], decode: (StreamEntry) throws(EntryError) -> Item) {
        var items: [Item?] = []
        items.reserveCapacity(deliveries.count)
        var malformed: [Int: String] = [:]
        for (place, delivery) in deliveries.enumerated() {
            do {
                items.append(try decode(delivery.entry))
            } catch {
                items.append(nil)
                malformed[place] = "\(error)"
            }
        }
        self.deliveries = deliveries
        self.items = items
        self.malformed = malformed
        isCondemned = false
    }

    /// Entries that are not even to be looked at.
    init(_ deliveries: [Delivery], condemned reason: String) {
        self.deliveries = deliveries
        items = deliveries.map { _ in nil }
        malformed = Dictionary(uniqueKeysWithValues: deliveries.indices.map { ($0, reason) })
        isCondemned = true
    }

    /// The items at these places.
    func items(_ places: [Int]) -> [Item] { places.compactMap { items[$0] } }

    /// The entries of these places, those that cannot be parsed left out.
    func entries(_ places: [Int]) -> [StreamID] {
        places.compactMap { items[$0] == nil ? nil : deliveries[$0].entry.id }
    }
}
