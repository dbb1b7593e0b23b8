import Reactor
import ServiceLifecycle

/// A backoff that a graceful shutdown cuts short.
struct Pause {
    private var backoff = Backoff(base: .milliseconds(100), cap: .seconds(2))

    /// Waits, a little longer each time.
    ///
    /// - Throws: `CancellationError` when the process is to stop.
    mutating func wait() async throws {
        try await Pause.wait(backoff.next())
    }

    mutating func reset() {
        backoff.reset()
    }

    /// - Throws: `CancellationError` when the process is to stop.
    static func wait(_ duration: Duration) async throws {
        try await cancelWhenGracefulShutdown { try await Task.sleep(for: duration) }
    }
}
