import CMalloc
import ServiceLifecycle

/// Gives memory that is free but scattered back to the system, every so often.
///
/// A process lives for months: without it what a burst or an outage has left in pieces stays with the process.
struct HeapTrimmer: Service {
    static let interval = Duration.seconds(10)

    func run() async throws {
        while !Task.isShuttingDownGracefully {
            do {
                try await cancelWhenGracefulShutdown { try await Task.sleep(for: HeapTrimmer.interval) }
            } catch {
                return
            }
            malloc_trim(0)
        }
    }
}
