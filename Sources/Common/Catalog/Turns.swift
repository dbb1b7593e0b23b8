import Synchronization

/// Runs one piece of work at a time. Whoever comes while it runs gets the next run, which begins after they came, together
/// with all others who wait for it.
final class Turns: Sendable {
    private struct State {
        var running: Task<Void, Never>?
        var next: Task<Void, Never>?
    }

    private let state = Mutex(State())
    private let work: @Sendable () async -> Void

    init(_ work: @escaping @Sendable () async -> Void) {
        self.work = work
    }

    /// The run that begins from now on.
    func next() -> Task<Void, Never> {
        state.withLock { state in
            if let next = state.next { return next }
            let before = state.running
            let task = Task {
                await before?.value
                self.begin()
                await self.work()
            }
            state.next = task
            return task
        }
    }

    private func begin() {
        state.withLock { state in
            state.running = state.next
            state.next = nil
        }
    }
}
