import Reactor
import Redis
import Runtime
import Streams
import Synchronization

/// The entries that a worker holds in memory, read ahead or in hand, which it keeps its own while it lives.
///
/// Without it an entry that waits longer than the reclaim time, in an outage or behind a slow batch, would go from worker
/// to worker. It ends after the longest time that a batch may take, so that a loop that hangs loses what it holds.
final class Lease: Sendable {
    /// What was read at once.
    struct Holding: Hashable, Sendable {
        fileprivate let number: Int
    }

    private struct State {
        var next = 0
        var held: [Int: (ids: [StreamID], since: ContinuousClock.Instant)] = [:]
    }

    private let group: ConsumerGroup
    /// An entry is taken over after this.
    private let reclaimIdle: Duration
    private let longest: Duration
    private let state = Mutex(State())

    /// - Parameter longest: after so long a batch is left to others; ten times the reclaim time if not given.
    init(_ group: ConsumerGroup, reclaimIdle: Duration, longest: Duration? = nil) {
        self.group = group
        self.reclaimIdle = reclaimIdle
        self.longest = longest ?? reclaimIdle * 10
    }

    func hold(_ ids: [StreamID], at now: ContinuousClock.Instant = .now) -> Holding {
        state.withLock { state in
            state.next += 1
            state.held[state.next] = (ids, now)
            return Holding(number: state.next)
        }
    }

    func release(_ holding: Holding) {
        _ = state.withLock { $0.held.removeValue(forKey: holding.number) }
    }

    /// Everything that is in memory, hung or not.
    var ids: Set<StreamID> {
        state.withLock { state in state.held.values.reduce(into: []) { $0.formUnion($1.ids) } }
    }

    /// What is to be renewed now: held for long enough that it could soon be taken over, and not for too long.
    func due(at now: ContinuousClock.Instant = .now) -> [StreamID] {
        state.withLock { state in
            state.held.values.filter { interval <= now - $0.since && now - $0.since < longest }.flatMap(\.ids)
        }
    }

    private var interval: Duration { reclaimIdle / 4 }

    /// Renews until the task is cancelled.
    ///
    /// - Parameter outage: told when Redis does not answer.
    func keep(_ outage: OutageLog) async {
        let party = "lease of \(group.group)"
        while !Task.isCancelled {
            do {
                _ = try await group.renew(due())
                outage.succeeded(party)
            } catch {
                if error.code != .cancelled { outage.failed(error, of: party) }
            }
            try? await Task.sleep(for: interval)
        }
    }
}
