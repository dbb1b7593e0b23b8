/// Schemas in words, for the page.
enum ApiText {
    /// One member of a body, or of an object within it.
    struct Field {
        /// With the names of the objects it stands in, as `groups[].name`.
        let name: String
        let type: String
        let isRequired: Bool
        let about: String
    }

    /// Every member of a shape, those of objects within it after it.
    static func fields(of schema: JSON, in parent: String = "") -> [Field] {
        let schema = resolved(schema)
        if case .array(let parts) = schema["anyOf"] ?? .null, let first = parts.first(where: isObject) {
            return fields(of: first, in: parent)
        }
        if case .array(let parts) = schema["allOf"] ?? .null {
            return parts.first.map { fields(of: $0, in: parent) } ?? []
        }
        if let items = schema["items"] { return isObject(items) ? fields(of: items, in: parent) : [] }
        guard case .object(let properties) = schema["properties"] ?? .null else { return [] }
        var required: [JSON] = []
        if case .array(let names) = schema["required"] ?? .null { required = names }
        return properties.flatMap { property in
            let inner = property.value["items"] == nil ? property.name : property.name + "[]"
            let field = Field(
                name: parent + property.name, type: type(property.value),
                isRequired: required.contains(.string(property.name)),
                about: property.value["description"]?.string ?? "")
            return [field]
                + (isObject(property.value) || property.value["items"].map(isObject) == true
                    ? fields(of: property.value, in: parent + inner + ".") : [])
        }
    }

    /// As in `string, 1 to 255 characters, or null`.
    static func type(_ schema: JSON) -> String {
        let schema = resolved(schema)
        if case .array(let parts) = schema["anyOf"] ?? .null { return parts.map(type).joined(separator: ", or ") }
        if let constant = schema["const"] { return literal(constant) }
        if case .array(let values) = schema["enum"] ?? .null { return values.map(literal).joined(separator: " | ") }
        var names: [String] = []
        switch schema["type"] {
        case .string(let name): names = [name]
        case .array(let values): names = values.compactMap(\.string)
        default: names = isObject(schema) ? ["object"] : ["any value"]
        }
        let isNullable = names.contains("null")
        let name = names.first { $0 != "null" } ?? "null"
        var text = kind(name, schema)
        if let bounds = bounds(schema) { text += ", \(bounds)" }
        return isNullable ? text + ", or null" : text
    }

    /// Text with `code` between backticks as HTML.
    static func html(_ text: String) -> String {
        let parts = escaped(text).split(separator: "`", omittingEmptySubsequences: false)
        return parts.enumerated().map { $0 % 2 == 1 ? "<code>\($1)</code>" : String($1) }.joined()
    }

    static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
            .replacing("\"", with: "&quot;")
    }

    /// JSON over several lines.
    static func pretty(_ value: JSON, indent: String = "") -> String {
        let inner = indent + "  "
        switch value {
        case .array(let values) where !values.isEmpty:
            return "[\n" + values.map { inner + pretty($0, indent: inner) }.joined(separator: ",\n") + "\n\(indent)]"
        case .object(let members) where !members.isEmpty:
            let rows = members.map { "\(inner)\(JSON.string($0.name).text): \(pretty($0.value, indent: inner))" }
            return "{\n" + rows.joined(separator: ",\n") + "\n\(indent)}"
        default: return value.text
        }
    }

    private static func kind(_ name: String, _ schema: JSON) -> String {
        switch (name, schema["format"]?.string) {
        case ("string", "uuid"): return "UUID"
        case ("string", "date-time"): return "time (RFC 3339)"
        case ("array", _): return "list of " + (schema["items"].map(type) ?? "values")
        default: return name
        }
    }

    private static func bounds(_ schema: JSON) -> String? {
        func number(_ name: String) -> String? {
            if case .integer(let value) = schema[name] { "\(value)" } else { nil }
        }
        switch (number("minLength"), number("maxLength")) {
        case (let least?, let most?): return "\(least) to \(most) characters"
        case (let least?, nil): return "at least \(least) character\(least == "1" ? "" : "s")"
        default: break
        }
        let usual = number("default").map { ", usually \($0)" } ?? ""
        switch (number("minimum"), number("maximum")) {
        case (let least?, let most?): return "\(least) to \(most)\(usual)"
        case (let least?, nil): return "\(least) or more"
        case (nil, let most?): return "at most \(most)"
        default: return nil
        }
    }

    private static func literal(_ value: JSON) -> String { value.string.map { $0.isEmpty ? "\"\"" : $0 } ?? value.text }

    private static func isObject(_ schema: JSON) -> Bool { resolved(schema)["properties"] != nil }

    private static func resolved(_ schema: JSON) -> JSON {
        guard let reference = schema["$ref"]?.string, let target = ApiSchema.named(at: reference) else { return schema }
        return target.json
    }
}
