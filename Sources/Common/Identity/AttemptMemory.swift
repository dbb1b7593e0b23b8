import Synchronization

/// Counts in the memory of this process, for at most `capacity` keys.
public final class AttemptMemory: AttemptCounter {
    private struct Window {
        let attempts: Int
        let ends: ContinuousClock.Instant
        let name: Int64
    }

    private let capacity: Int
    private let now: @Sendable () -> ContinuousClock.Instant
    private let windows = Mutex<[AttemptKey: Window]>([:])

    public init(
        capacity: Int = 50_000, now: @escaping @Sendable () -> ContinuousClock.Instant = { ContinuousClock.now }
    ) {
        self.capacity = capacity
        self.now = now
    }

    public func look(_ rules: [AttemptRule]) async -> [AttemptCount] { counts(rules) }

    /// As `look`, at once.
    func counts(_ rules: [AttemptRule]) -> [AttemptCount] {
        let now = now()
        return windows.withLock { windows in rules.map { AttemptMemory.count($0, in: windows, at: now) } }
    }

    public func take(_ rules: [AttemptRule]) async -> (counts: [AttemptCount], isCounted: Bool) {
        let now = now()
        return windows.withLock { windows in
            let before = rules.map { AttemptMemory.count($0, in: windows, at: now) }
            guard !zip(rules, before).contains(where: { $1.attempts >= $0.limit.attempts }) else {
                return (before, false)
            }
            let after = before.map { AttemptCount(attempts: $0.attempts + 1, left: $0.left, window: $0.window) }
            for (rule, count) in zip(rules, after) { put(rule.key, count, in: &windows, at: now) }
            return (after, true)
        }
    }

    public func forget(_ rules: [AttemptRule]) async {
        windows.withLock { windows in
            for rule in rules { windows[rule.key] = nil }
        }
    }

    /// Takes over what somebody who knows more has counted.
    func note(_ rules: [AttemptRule], _ counts: [AttemptCount]) {
        let now = now()
        windows.withLock { windows in
            for (rule, count) in zip(rules, counts) {
                if count.attempts == 0 { windows[rule.key] = nil } else { put(rule.key, count, in: &windows, at: now) }
            }
        }
    }

    private func put(
        _ key: AttemptKey, _ count: AttemptCount, in windows: inout [AttemptKey: Window],
        at now: ContinuousClock.Instant
    ) {
        if windows[key] == nil, windows.count >= capacity { AttemptMemory.makeRoom(in: &windows, at: now) }
        windows[key] = Window(attempts: count.attempts, ends: now + count.left, name: count.window)
    }

    private static func count(
        _ rule: AttemptRule, in windows: [AttemptKey: Window], at now: ContinuousClock.Instant
    ) -> AttemptCount {
        guard let window = windows[rule.key], window.ends > now else {
            return AttemptCount(attempts: 0, left: .seconds(rule.limit.seconds))
        }
        return AttemptCount(
            attempts: window.attempts, left: now.duration(to: window.ends), window: window.name)
    }

    /// Drops what has ended; if that is not enough, the keys with the fewest attempts, which an attacker who floods with new
    /// names fills the memory with.
    private static func makeRoom(in windows: inout [AttemptKey: Window], at now: ContinuousClock.Instant) {
        let before = windows.count
        windows = windows.filter { $0.value.ends > now }
        guard windows.count > before * 3 / 4 else { return }
        let fewest = windows.sorted { $0.value.attempts < $1.value.attempts }.prefix(windows.count / 4)
        for (key, _) in fewest { windows[key] = nil }
    }
}
