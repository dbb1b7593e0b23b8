import Domain
import Redis

/// How a sign-in stands in its stream: `event_id`, `type`, `user_id`, `occurred_at`, and `traceparent` if there is one.
public enum SignInEntry {
    private static let names: [StaticString] = ["event_id", "type", "user_id", "occurred_at", "traceparent"]

    /// The fields in the order in which they are written.
    public static func encode(_ event: SignInEvent) -> [(name: String, value: String)] {
        var fields = [
            (name: "event_id", value: event.id.description), (name: "type", value: event.type.name),
            (name: "user_id", value: event.userID.description),
            (name: "occurred_at", value: event.occurredAt.description),
        ]
        if let traceparent = event.traceparent { fields.append((name: "traceparent", value: traceparent)) }
        return fields
    }

    /// Refuses what no producer here writes: a bad or absent field, `QuestCompleted`, and an id of version 8, which is
    /// a completion's. A bad `traceparent` is left out rather than held against a sign-in.
    ///
    /// - Throws: `EntryError` naming the field.
    public static func decode(_ entry: StreamEntry) throws(EntryError) -> SignInEvent {
        let fields = try FieldReader(entry, names)
        let id = try fields.identifier(0)
        guard id.version != 8 else { throw fields.invalid(0, "an id that a sign-in may have: version 8 is derived") }
        let type = try fields.eventType(1)
        guard type != .questCompleted else { throw fields.invalid(1, "a type that a sign-in may have") }
        let userID = try fields.identifier(2)
        let occurredAt = try fields.timestamp(3)
        return SignInEvent(
            id: id, type: type, userID: userID, occurredAt: occurredAt, traceparent: traceparent(fields.optional(4)))
    }

    /// 55 characters of W3C Trace Context, version 00.
    private static func traceparent(_ reply: RedisReply?) -> String? {
        guard let text = reply?.validString, text.utf8.count == 55 else { return nil }
        let isWellFormed = text.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte) || byte == 0x2d
        }
        return isWellFormed ? text : nil
    }
}
