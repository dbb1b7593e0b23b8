/// What a test waited for did not come about in time.
public struct NotInTime: Error, CustomStringConvertible {
    public let description: String
}

/// Waits until `condition` holds, asking again and again. While it throws it does not hold: servers may be away.
///
/// - Parameters:
///   - what: what is waited for, for the error.
///   - limit: how long at most.
/// - Throws: `NotInTime`, with the last error of `condition` if there was one; `CancellationError`.
public func eventually(
    _ what: String, within limit: Duration = .seconds(60), every interval: Duration = .milliseconds(20),
    _ condition: () async throws -> Bool
) async throws {
    let end = ContinuousClock.now + limit
    var failure: (any Error)?
    while true {
        do {
            if try await condition() { return }
            failure = nil
        } catch let error as Unrecoverable {
            throw error
        } catch {
            failure = error
        }
        guard ContinuousClock.now < end else {
            let reason = failure.map { ": \($0)" } ?? ""
            throw NotInTime(description: "not within \(limit): \(what)\(reason)")
        }
        try await Task.sleep(for: interval)
    }
}

/// Ends `eventually` at once: what is waited for cannot come about any more.
public struct Unrecoverable: Error, CustomStringConvertible {
    public let description: String

    public init(_ description: String) {
        self.description = description
    }
}
