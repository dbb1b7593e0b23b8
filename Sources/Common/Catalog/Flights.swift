import Synchronization

/// Lets callers who want the same thing at the same time share one reading of it.
final class Flights<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private struct Flight {
        let number: UInt64
        let task: Task<Value, any Error>
        let began: ContinuousClock.Instant
    }

    private struct State {
        var flights: [Key: Flight] = [:]
        var last: UInt64 = 0
    }

    private let state = Mutex(State())

    /// What `read` returns, begun now or by somebody before. A caller who is cancelled leaves it to the others.
    ///
    /// - Parameter youngest: one that began before is not joined.
    func join(
        _ key: Key, notBefore youngest: ContinuousClock.Instant? = nil,
        _ read: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        let task = state.withLock { state in
            if let flight = state.flights[key], youngest.map({ flight.began >= $0 }) ?? true { return flight.task }
            state.last += 1
            let number = state.last
            let task = Task {
                defer { self.land(key, number) }
                return try await read()
            }
            state.flights[key] = Flight(number: number, task: task, began: .now)
            return task
        }
        return try await task.value
    }

    private func land(_ key: Key, _ number: UInt64) {
        state.withLock { if $0.flights[key]?.number == number { $0.flights[key] = nil } }
    }
}

/// Waits for what goes on by itself, and not longer than `limit`.
///
/// - Returns: nil when the time is over; the task goes on.
func waiting<Value: Sendable>(
    for limit: Duration, _ task: Task<Value, Never>
) async -> Value? {
    let (values, one) = AsyncStream.makeStream(of: Value?.self, bufferingPolicy: .bufferingOldest(1))
    Task { one.yield(await task.value) }
    let timer = Task {
        try await Task.sleep(for: limit)
        one.yield(nil)
    }
    defer { timer.cancel() }
    for await value in values { return value }
    return nil
}
