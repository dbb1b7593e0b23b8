import Streams

/// The entries of a read, each with its item or with what is wrong with it.
struct DecodedBatch<Item: Sendable>: Sendable {
    let deliveries: [Delivery]
    /// In the order of the stream; nil for what cannot be parsed.
    let items: [Item?]
    /// Those that can be.
    private let wellFormed: [Item]
    /// Whether the entries were not even looked at.
    let isCondemned: Bool
    /// Why, by the entry's place.
    let malformed: [Int: String]

    init(_ deliveries: [Delivery], decode: (StreamEntry) throws(EntryError) -> Item) {
        var items: [Item?] = []
        items.reserveCapacity(deliveries.count)
        var wellFormed: [Item] = []
        wellFormed.reserveCapacity(deliveries.count)
        var malformed: [Int: String] = [:]
        for (place, delivery) in deliveries.enumerated() {
            do {
                let item = try decode(delivery.entry)
                items.append(item)
                wellFormed.append(item)
            } catch {
                items.append(nil)
                malformed[place] = "\(error)"
            }
        }
        self.deliveries = deliveries
        self.items = items
        self.wellFormed = wellFormed
        self.malformed = malformed
        isCondemned = false
    }

    /// Entries that are not even to be looked at.
    init(_ deliveries: [Delivery], condemned reason: String) {
        self.deliveries = deliveries
        items = deliveries.map { _ in nil }
        wellFormed = []
        malformed = Dictionary(uniqueKeysWithValues: deliveries.indices.map { ($0, reason) })
        isCondemned = true
    }

    /// The items at these places.
    func items(_ places: [Int]) -> [Item] {
        isWhole(places) ? wellFormed : places.compactMap { items[$0] }
    }

    /// The entries of these places, those that cannot be parsed left out.
    func entries(_ places: [Int]) -> [StreamID] {
        if isWhole(places) { return deliveries.map(\.entry.id) }
        return places.compactMap { items[$0] == nil ? nil : deliveries[$0].entry.id }
    }

    /// Whether these places are all there are, and all can be parsed: as nearly always.
    private func isWhole(_ places: [Int]) -> Bool { malformed.isEmpty && places.count == items.count }
}
