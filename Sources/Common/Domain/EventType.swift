/// The name of a kind of event: a letter, then up to 63 letters or digits.
public struct EventType: Hashable, Sendable, CustomStringConvertible {
    public let name: String

    /// - Returns: nil unless `name` matches `[A-Za-z][A-Za-z0-9]{0,63}`.
    public init?(_ name: String) {
        let bytes = name.utf8
        guard let first = bytes.first, bytes.count <= 64, EventType.isLetter(first),
            bytes.allSatisfy({ EventType.isLetter($0) || EventType.isDigit($0) })
        else { return nil }
        self.name = name
    }

    private init(unchecked name: String) {
        self.name = name
    }

    /// The first sign-in of a person with a name; a quest counts it as `signIn`.
    public static let firstSignIn = EventType(unchecked: "NewUserSignIn")
    public static let signIn = EventType(unchecked: "UserSignIn")
    /// Made by the workers only; ingest refuses it.
    public static let questCompleted = EventType(unchecked: "QuestCompleted")

    /// The type under which quests count this one.
    public var counted: EventType { self == .firstSignIn ? .signIn : self }

    public var description: String { name }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }
}
