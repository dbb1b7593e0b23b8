/// What a name and a password must look like.
public enum Credentials {
    /// Characters, counted as Unicode scalars, which is what Postgres counts.
    public static let nameLength = 1...255
    public static let passwordLength = 8...128

    /// What is wrong with a name, or nil. Control characters, NUL among them, and blanks at either end are refused: two
    /// names that look the same would be two people.
    public static func fault(inName name: String) -> String? {
        let scalars = name.unicodeScalars
        guard nameLength.contains(scalars.count) else {
            return "must have \(nameLength.lowerBound) to \(nameLength.upperBound) characters"
        }
        guard !scalars.contains(where: isControl) else { return "must not contain control characters" }
        guard let first = scalars.first, let last = scalars.last, !first.properties.isWhitespace,
            !last.properties.isWhitespace
        else { return "must not begin or end with a blank" }
        return nil
    }

    /// What is wrong with a new password, or nil.
    public static func fault(inPassword password: String) -> String? {
        guard passwordLength.contains(password.unicodeScalars.count) else {
            return "must have \(passwordLength.lowerBound) to \(passwordLength.upperBound) characters"
        }
        guard !password.unicodeScalars.contains("\u{0}") else { return "must not contain NUL" }
        return nil
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator, .surrogate: true
        default: false
        }
    }
}
