import Streams

/// How entries are taken over that may be what killed their worker: the oftener one was delivered without an end, the
/// fewer go with it, down to one alone.
///
/// Being delivered often is no crime: it only costs company. An entry is given up when it was alone in hand, again and
/// again, each time its worker died.
enum Isolation {
    /// So many deliveries raise no suspicion: workers are stopped and started for many reasons.
    static let trusted = 2
    /// So many deaths alone are proof.
    static let trials = 3

    /// The most entries that may be applied together with one that was delivered so often.
    static func company(after deliveries: Int, batch: Int) -> Int {
        guard deliveries > trusted else { return batch }
        return max(1, batch >> min(deliveries - trusted, Int.bitWidth - 2))
    }

    /// Divides entries, in their order, so that each is in company that it may have.
    static func groups(_ entries: [StaleEntry], batch: Int) -> [[StaleEntry]] {
        var groups: [[StaleEntry]] = []
        var room = 0
        for entry in entries {
            let company = company(after: entry.deliveries, batch: batch)
            if let last = groups.indices.last, groups[last].count < min(room, company) {
                groups[last].append(entry)
                room = min(room, company)
            } else {
                groups.append([entry])
                room = company
            }
        }
        return groups
    }

    /// Whether this group is one entry that is tried alone.
    static func isTrial(_ group: [StaleEntry], batch: Int) -> Bool {
        guard group.count == 1, let entry = group.first, entry.deliveries > trusted else { return false }
        return company(after: entry.deliveries, batch: batch) == 1
    }
}
