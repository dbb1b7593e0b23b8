/// A filled streak, with the reward as it stood at that moment: all that the claims worker needs to know.
public struct Completion: Hashable, Sendable {
    /// Derived from person, quest and ordinal (version 8), so that a repetition is the same completion.
    public let id: Identifier
    public let userID: Identifier
    public let questID: Identifier
    /// Which completion of this quest it is for this person, from 1.
    public let ordinal: Int32
    public let rewardItem: RewardItem
    public let rewardQuantity: Int64
    public let autoClaim: Bool
    public let catalogRevision: Int64
    /// The event that filled the streak.
    public let causeID: Identifier
    /// When that event occurred.
    public let occurredAt: Timestamp

    public init(
        id: Identifier, userID: Identifier, questID: Identifier, ordinal: Int32, rewardItem: RewardItem,
        rewardQuantity: Int64, autoClaim: Bool, catalogRevision: Int64, causeID: Identifier, occurredAt: Timestamp
    ) {
        self.id = id
        self.userID = userID
        self.questID = questID
        self.ordinal = ordinal
        self.rewardItem = rewardItem
        self.rewardQuantity = rewardQuantity
        self.autoClaim = autoClaim
        self.catalogRevision = catalogRevision
        self.causeID = causeID
        self.occurredAt = occurredAt
    }
}
