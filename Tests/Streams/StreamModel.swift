import Streams

/// A stream with its groups as the documentation of Redis describes them, in memory: what the real one is compared with.
struct StreamModel {
    struct Pending: Equatable {
        var consumer: String
        var deliveries: Int
    }

    struct Group {
        /// How many of the entries ever added were delivered.
        var delivered = 0
        var pending: [StreamID: Pending] = [:]
        var acknowledged: Set<StreamID> = []
    }

    private(set) var added: [StreamID] = []
    private(set) var groups: [String: Group] = [:]

    init(groups names: [String]) {
        for name in names { groups[name] = Group() }
    }

    mutating func add(_ ids: [StreamID]) {
        added += ids
    }

    /// - Returns: what the consumer gets.
    mutating func read(_ group: String, _ consumer: String, count: Int) -> [StreamID] {
        var state = groups[group] ?? Group()
        let ids = Array(added.dropFirst(state.delivered).prefix(count))
        state.delivered += ids.count
        for id in ids { state.pending[id] = Pending(consumer: consumer, deliveries: 1) }
        groups[group] = state
        return ids
    }

    /// - Returns: how many were pending.
    mutating func acknowledge(_ group: String, _ ids: [StreamID]) -> Int {
        let before = groups[group]?.pending.count ?? 0
        for id in ids where groups[group]?.pending.removeValue(forKey: id) != nil {
            groups[group]?.acknowledged.insert(id)
        }
        return before - (groups[group]?.pending.count ?? 0)
    }

    /// - Returns: what the consumer takes over, with the number of deliveries.
    mutating func reclaim(_ group: String, _ consumer: String, count: Int) -> [(id: StreamID, deliveries: Int)] {
        let ids = (groups[group]?.pending ?? [:]).keys.sorted().prefix(count)
        return ids.map { id in
            let deliveries = (groups[group]?.pending[id]?.deliveries ?? 0) + 1
            groups[group]?.pending[id] = Pending(consumer: consumer, deliveries: deliveries)
            return (id, deliveries)
        }
    }

    func pending(_ group: String) -> [StreamID] { (groups[group]?.pending ?? [:]).keys.sorted() }

    /// What some group has not acknowledged.
    var needed: Set<StreamID> {
        Set(added.filter { id in !groups.values.allSatisfy { $0.acknowledged.contains(id) } })
    }

    /// The entries from the first one on that every group has acknowledged, without a gap: what may go.
    var trimmable: Set<StreamID> {
        let needed = needed
        return Set(added.prefix { !needed.contains($0) })
    }
}
