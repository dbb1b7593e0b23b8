import Domain
import Redis

/// How a sign-in stands in its stream: `event_id`, `type`, `user_id`, `occurred_at`, and of the request
/// that brought it `traceparent` and `request_id`, if it named them.
public enum SignInEntry {
    private static let names: [StaticString] = [
        "event_id", "type", "user_id", "occurred_at", "traceparent", "request_id",
    ]

    /// Writes the fields, in the order of their names above.
    public static func write(_ event: SignInEvent, to command: inout RedisCommand) {
        command.append("event_id", event.id)
        command.append("type", event.type.name)
        command.append("user_id", event.userID)
        command.append("occurred_at", event.occurredAt)
        if let traceparent = event.origin.traceparent { command.append("traceparent", traceparent) }
        if let requestID = event.origin.requestID { command.append("request_id", requestID) }
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
