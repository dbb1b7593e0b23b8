import Crypto
import Domain

/// A quest, a reward or a page of them as `GET` returns it: the same bytes, and so the same tag, from every front.
public struct CatalogDocument: Hashable, Sendable {
    /// JSON.
    public let bytes: [UInt8]
    /// A strong entity tag (RFC 9110, section 8.8.3), quotes included: the beginning of a digest of the bytes.
    public let tag: String

    public init(_ json: String) {
        bytes = Array(json.utf8)
        let digits = SHA256.hash(data: bytes).prefix(12).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
        tag = "\"" + digits.joined() + "\""
    }

    public init(_ quest: Quest) {
        self.init(CatalogJSON(of: quest).text)
    }

    public init(_ reward: Reward) {
        self.init(CatalogJSON(of: reward).text)
    }
}

/// A JSON object whose members keep their order.
struct CatalogJSON {
    private(set) var members: [(name: String, value: String)] = []

    init() {}

    init(of quest: Quest) {
        add("quest_id", text: quest.id.description)
        add("name", text: quest.name)
        add("description", text: quest.description)
        add("event_type", text: quest.eventType)
        add("streak", "\(quest.streak)")
        add("duplication", "\(quest.duplication)")
        add("auto_claim", "\(quest.autoClaim)")
        add("reward_id", text: quest.rewardID.description)
        add("active", "\(quest.active)")
        add("revision", "\(quest.revision)")
    }

    init(of reward: Reward) {
        add("reward_id", text: reward.id.description)
        add("reward_name", text: reward.name)
        add("reward_item", text: reward.item.rawValue)
        add("reward_qty", "\(reward.quantity)")
        add("active", "\(reward.active)")
        add("revision", "\(reward.revision)")
    }

    var text: String {
        "{" + members.map { CatalogJSON.quoted($0.name) + ":" + $0.value }.joined(separator: ",") + "}"
    }

    /// - Parameter value: JSON.
    mutating func add(_ name: String, _ value: String) {
        members.append((name: name, value: value))
    }

    mutating func add(_ name: String, text: String) {
        add(name, CatalogJSON.quoted(text))
    }

    /// Only these members.
    func keeping(_ isWanted: (String) -> Bool) -> CatalogJSON {
        var kept = CatalogJSON()
        kept.members = members.filter { isWanted($0.name) }
        return kept
    }

    private static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\n": quoted += "\\n"
            case "\r": quoted += "\\r"
            case "\t": quoted += "\\t"
            case "\u{0}"..."\u{1f}":
                quoted += (scalar.value < 16 ? "\\u000" : "\\u00") + String(scalar.value, radix: 16)
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}
