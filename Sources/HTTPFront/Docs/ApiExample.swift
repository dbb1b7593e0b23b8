/// A value that a schema allows, for people to read and for tests to send.
enum ApiExample {
    /// - Parameter full: whether members that may be left out are there too.
    static func of(_ schema: JSON, full: Bool = true) -> JSON {
        if let example = first(schema["examples"]) { return example }
        if let constant = schema["const"] { return constant }
        if let value = first(schema["enum"]) { return value }
        if let name = schema["$ref"]?.string, let target = ApiSchema.named(at: name) {
            return of(target.json, full: full)
        }
        if case .array(let parts) = schema["allOf"] { return merged(parts.map { of($0, full: full) }) }
        if let choice = first(schema["anyOf"]) ?? first(schema["oneOf"]) { return of(choice, full: full) }
        if let value = schema["default"] { return value }
        switch schema["type"]?.string ?? first(schema["type"])?.string {
        case "object": return object(schema, full: full)
        case nil where schema["properties"] != nil: return object(schema, full: full)
        case "array": return .array(schema["items"].map { [of($0, full: full)] } ?? [])
        case "integer", "number": return schema["minimum"] ?? .integer(0)
        case "boolean": return true
        case "null": return .null
        default: return ofString(schema["format"]?.string)
        }
    }

    private static func ofString(_ format: String?) -> JSON {
        switch format {
        case "uuid": of(ApiSchema.uuid)
        case "date-time": of(ApiSchema.time)
        default: "text"
        }
    }

    private static func object(_ schema: JSON, full: Bool) -> JSON {
        guard case .object(let properties) = schema["properties"] ?? .null else { return .object([]) }
        var needed: [JSON] = []
        if case .array(let names) = schema["required"] ?? .null { needed = names }
        return .object(
            properties.filter { full || needed.contains(.string($0.name)) }.map { property in
                JSON.Member(name: property.name, value: of(property.value, full: full))
            })
    }

    /// One object with the members of all; of several with one name the last.
    private static func merged(_ values: [JSON]) -> JSON {
        var members: [JSON.Member] = []
        for case .object(let more) in values {
            for member in more {
                if let index = members.firstIndex(where: { $0.name == member.name }) {
                    members[index] = member
                } else {
                    members.append(member)
                }
            }
        }
        return .object(members)
    }

    private static func first(_ values: JSON?) -> JSON? {
        guard case .array(let values) = values else { return nil }
        return values.first
    }
}

extension ApiSchema {
    /// What a `$ref` leads to.
    static func named(at reference: String) -> ApiSchema? {
        named.first { $0.name.map { ApiSchema.place + $0 } == reference }
    }
}
