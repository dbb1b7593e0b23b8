import Metrics

/// Shows how a pool of connections stands.
public struct PoolMeter: Sendable {
    private let inUse: Meter
    private let idle: Meter
    private let waiting: Meter
    private let limit: Meter

    public init(pool: String) {
        func meter(_ label: String, _ more: [(String, String)] = []) -> Meter {
            Meter(label: label, dimensions: [("pool", pool)] + more)
        }
        inUse = meter("quest_pool_connections", [("state", "in_use")])
        idle = meter("quest_pool_connections", [("state", "idle")])
        waiting = meter("quest_pool_waiting")
        limit = meter("quest_pool_limit")
    }

    public func show(_ counts: (idle: Int, lent: Int, waiting: Int), limit: Int) {
        inUse.set(counts.lent)
        idle.set(counts.idle)
        waiting.set(counts.waiting)
        self.limit.set(limit)
    }
}
