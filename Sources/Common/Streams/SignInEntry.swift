import Domain
import Redis

/// How a sign-in stands in its stream: `event_id`, `type`, `user_id`, `occurred_at`, and of the request
/// that brought it `traceparent` and `request_id`, if it named them.
public enum SignInEntry {
    private static let names: [StaticString] = [
        "event_id", "type", "user_id", "occurred_at", "traceparent", "request_id",
    ]

    /// The fields in the order in which they are written.
    public static func encode(_ event: SignInEvent) -> [(name: String, value: String)] {
        var fields = [
            (name: "event_id", value: event.id.description), (name: "type", value: event.type.name),
            (name: "user_id", value: event.userID.description),
            (name: "occurred_at", value: event.occurredAt.description),
        ]
        if let traceparent = event.origin.traceparent { fields.append((name: "traceparent", value: traceparent)) }
        if let requestID = event.origin.requestID { fields.append((name: "request_id", value: requestID)) }
        return fields
    }

    /// Refuses what no producer here writes: a bad or absent field, `QuestCompleted`, and an id of version 8, which is
    /// a completion's. A bad `traceparent` or `request_id` is left out.
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
            id: id, type: type, userID: userID, occurredAt: occurredAt,
            origin: origin(fields.optional(4), fields.optional(5)))
    }

    private static func origin(_ traceparent: RedisReply?, _ requestID: RedisReply?) -> EventOrigin {
        if traceparent == nil, requestID == nil { return .unnamed }
        return EventOrigin(traceparent: traceparent?.validString, requestID: requestID?.validString)
    }
}
