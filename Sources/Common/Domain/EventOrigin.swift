/// The request that brought an event, as far as its sender named it: carried from the front through the stream into the
/// event's row and the logs of whoever handles it.
///
/// Only what is well-formed is kept; the rest is left out rather than held against a sign-in.
public struct EventOrigin: Hashable, Sendable {
    /// Of W3C Trace Context, version 00: 55 characters.
    public let traceparent: String?
    /// 1 to 64 letters, digits, hyphens and underscores.
    public let requestID: String?

    /// Nobody said where the event came from.
    public static let unnamed = EventOrigin(traceparent: nil, requestID: nil)

    public var isUnnamed: Bool { traceparent == nil && requestID == nil }

    public init(traceparent: String?, requestID: String?) {
        self.traceparent = traceparent.flatMap { EventOrigin.isTraceparent($0) ? $0 : nil }
        self.requestID = requestID.flatMap { EventOrigin.isRequestID($0) ? $0 : nil }
    }

    /// The 32 hexadecimal digits that every part of one trace has.
    public var traceID: Substring? { traceparent?.dropFirst(3).prefix(32) }

    private static func isRequestID(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
                    || byte == 0x2d || byte == 0x5f
            }
    }

    /// `00-<32 hex>-<16 hex>-<2 hex>`; ids of nothing but zeros are none.
    private static func isTraceparent(_ text: String) -> Bool {
        guard text.utf8.count == 55 else { return false }
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.map(\.utf8.count) == [2, 32, 16, 2], parts[0] == "00" else { return false }
        return parts.allSatisfy { $0.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) } }
            && parts[1].contains { $0 != "0" } && parts[2].contains { $0 != "0" }
    }
}
