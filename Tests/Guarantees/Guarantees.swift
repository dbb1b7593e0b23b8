import Foundation
import Testing

/// The executables against real servers, one test at a time: each of them keeps the machine busy.
@Suite(.serialized) enum Guarantees {
    /// Whether there is time for what takes minutes.
    static let isLong = ProcessInfo.processInfo.environment["QUESTLINE_TEST_LONG"] == "1"
}
