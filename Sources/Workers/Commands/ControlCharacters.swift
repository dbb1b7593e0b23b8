/// Text from outside, fit to be printed as one line.
enum ControlCharacters {
    /// Replaces whatever ends a line, drives a terminal or turns the direction of writing by `\u{…}`, its code in
    /// hexadecimal digits; a backslash is doubled, so that nothing can pass for such an escape.
    ///
    /// These are the categories Cc (C0, DEL, C1), Zl and Zp of Unicode, and its `Bidi_Control` characters.
    static func escaped(_ text: String) -> String {
        var line = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .lineSeparator, .paragraphSeparator:
                line.append(contentsOf: code(scalar))
            case .format where isDirection(scalar):
                line.append(contentsOf: code(scalar))
            default:
                if scalar == "\\" { line.append("\\") }
                line.append(scalar)
            }
        }
        return String(line)
    }

    private static func code(_ scalar: Unicode.Scalar) -> String.UnicodeScalarView {
        "\\u{\(String(scalar.value, radix: 16))}".unicodeScalars
    }

    private static func isDirection(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x61C, 0x200E, 0x200F, 0x202A...0x202E, 0x2066...0x2069: true
        default: false
        }
    }
}
