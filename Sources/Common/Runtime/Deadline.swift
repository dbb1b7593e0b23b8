/// The time for something ran out.
public struct DeadlineError: Error, CustomStringConvertible {
    public let limit: Duration

    public var description: String { "no answer within \(limit)" }
}

/// Runs `body` and cancels it after `limit`.
///
/// - Throws: `DeadlineError`, or what `body` throws.
@discardableResult
public func withDeadline<Value: Sendable>(
    _ limit: Duration, _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    try await withThrowingTaskGroup(of: Value?.self) { group in
        group.addTask { try await body() }
        group.addTask {
            try await Task.sleep(for: limit)
            return nil
        }
        defer { group.cancelAll() }
        guard let first = try await group.next(), let value = first else { throw DeadlineError(limit: limit) }
        return value
    }
}
