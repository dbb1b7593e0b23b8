import Domain

/// What a value of the catalog may be; each rule answers what is wrong, or nil.
public enum CatalogRules {
    public static let streaks: ClosedRange<Int64> = 1...1_000_000
    public static let duplications: ClosedRange<Int64> = 1...1_000_000
    public static let quantities: ClosedRange<Int64> = 1...1_000_000_000_000
    public static let nameLengths = 1...255
    public static let longestDescription = 2_000

    public static func fault(inName name: String) -> String? {
        guard nameLengths.contains(name.unicodeScalars.count) else { return "must have 1 to 255 characters" }
        return fault(inText: name)
    }

    public static func fault(inDescription text: String) -> String? {
        guard text.unicodeScalars.count <= longestDescription else { return "must have at most 2000 characters" }
        return fault(inText: text)
    }

    public static func fault(inEventType name: String) -> String? {
        guard let type = EventType(name) else { return "must be a letter and up to 63 letters or digits" }
        if type == .questCompleted { return "must not be QuestCompleted, which follows from others" }
        if type == .firstSignIn { return "must not be NewUserSignIn, which counts as UserSignIn" }
        return nil
    }

    private static func fault(inText text: String) -> String? {
        text.utf8.contains(0) ? "must not hold the character NUL" : nil
    }
}
