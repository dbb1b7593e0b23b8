/// Something a person did, as published to the sign-in stream. Two events with one `id` are the same event if person and
/// type are the same; the time of the first one stays.
public struct SignInEvent: Hashable, Sendable {
    public let id: Identifier
    public let type: EventType
    public let userID: Identifier
    public let occurredAt: Timestamp
    /// The request that brought it.
    public let origin: EventOrigin

    public init(
        id: Identifier, type: EventType, userID: Identifier, occurredAt: Timestamp,
        origin: EventOrigin = .unnamed
    ) {
        self.id = id
        self.type = type
        self.userID = userID
        self.occurredAt = occurredAt
        self.origin = origin
    }

    /// Whether `other` has this one's id but is about another person or of another type.
    public func conflicts(with other: SignInEvent) -> Bool {
        id == other.id && (userID != other.userID || type != other.type)
    }
}
