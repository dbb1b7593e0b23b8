import Synchronization

/// A value that several tasks change, one at a time; closures may capture it, which they may not a `Mutex`.
public final class Locked<Value: Sendable>: Sendable {
    private let value: Mutex<Value>

    public init(_ value: Value) {
        self.value = Mutex(value)
    }

    public func withLock<Result: Sendable>(_ body: (inout sending Value) -> sending Result) -> Result {
        value.withLock(body)
    }

    public var now: Value { value.withLock { $0 } }
}
