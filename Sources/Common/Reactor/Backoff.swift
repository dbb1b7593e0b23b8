/// How long to wait before the next try: doubling from `base` to `cap`, each wait drawn evenly from its upper half, so
/// that processes which failed together do not return together.
public struct Backoff: Sendable {
    public let base: Duration
    public let cap: Duration
    public private(set) var attempts = 0

    public init(base: Duration = .milliseconds(50), cap: Duration = .seconds(2)) {
        self.base = base
        self.cap = cap
    }

    public mutating func next() -> Duration {
        let whole = min(cap, base * (1 << min(attempts, 20)))
        attempts += 1
        return whole * Double.random(in: 0.5...1)
    }

    /// Waits for the next delay.
    ///
    /// - Throws: `CancellationError` at once when the task is cancelled.
    public mutating func wait() async throws {
        try await Task.sleep(for: next())
    }

    public mutating func reset() {
        attempts = 0
    }
}
