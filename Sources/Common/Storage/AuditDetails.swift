/// What an audit row tells besides who did what to whom: a JSON object of few kinds of values.
public struct AuditDetails: Sendable, Equatable, ExpressibleByDictionaryLiteral {
    public enum Value: Sendable, Equatable {
        case text(String)
        case number(Int64)
        case flag(Bool)
        case list([Value])
        case object(AuditDetails)
    }

    private let members: [(name: String, value: Value)]

    public init(dictionaryLiteral elements: (String, Value)...) {
        members = elements.map { (name: $0.0, value: $0.1) }
    }

    public init(_ members: [(name: String, value: Value)]) {
        self.members = members
    }

    public static func == (one: AuditDetails, other: AuditDetails) -> Bool { one.json == other.json }

    /// As `jsonb` takes it: what it cannot hold, NUL, becomes U+FFFD.
    public var json: String {
        "{" + members.map { "\(AuditDetails.quoted($0.name)):\(AuditDetails.json($0.value))" }.joined(separator: ",")
            + "}"
    }

    private static func json(_ value: Value) -> String {
        switch value {
        case .text(let text): quoted(text)
        case .number(let number): String(number)
        case .flag(let flag): flag ? "true" : "false"
        case .list(let values): "[" + values.map(json).joined(separator: ",") + "]"
        case .object(let details): details.json
        }
    }

    private static func quoted(_ text: String) -> String {
        var line = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": line += "\\\(scalar)"
            case "\u{0}": line += "\u{fffd}"
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                line += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: line.unicodeScalars.append(scalar)
            }
        }
        return line + "\""
    }
}

extension AuditEntry {
    /// - Parameter details: never a secret.
    public init(_ actor: Actor, _ action: String, subject: String, details: AuditDetails) {
        self.init(actor, action, subject: subject, details: details.json)
    }
}
