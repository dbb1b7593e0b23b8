/// The shape of a body, as JSON Schema (2020-12, which OpenAPI 3.1 uses).
struct ApiSchema: Sendable {
    /// Nil for a shape that stands where it is used.
    var name: String?
    let json: JSON

    /// How others refer to it.
    var reference: JSON {
        name.map { ["$ref": .string(ApiSchema.place + $0)] } ?? json
    }

    static let place = "#/components/schemas/"

    /// Every shape that has a name.
    static let named: [ApiSchema] =
        sessions + accounts + earned + earnings + catalog + operations + accessSchemas + [problem]

    /// - Parameter extra: members beside `data` and `next_cursor`.
    static func list(of row: ApiSchema, _ extra: [(String, JSON)] = []) -> ApiSchema {
        let cursor: JSON = ["type": ["string", "null"], "examples": [.null]]
        let properties: [(String, JSON)] =
            [
                ("data", ["type": "array", "items": row.reference]),
                ("next_cursor", about("null on the last page", cursor)),
            ]
        return ApiSchema(json: members(properties + extra))
    }

    static let boolean = ApiSchema(json: ["type": "boolean"])
    static let description = ApiSchema(
        json: [
            "type": "object", "required": ["openapi", "info", "paths"],
            "examples": [["openapi": "3.1.0", "info": ["title": "Questline"], "paths": .object([])]],
        ])
    static let events = ApiSchema(
        json: ["type": "string", "examples": ["id: 5f0c1d0f2b7a4c3e9d8b7a65\nevent: snapshot\ndata: {}\n\n"]])
    static let text = ApiSchema(json: ["type": "string", "examples": ["ok\n"]])
}

/// The parts that shapes are made of.
extension ApiSchema {
    static let string: JSON = ["type": "string"]
    static let integer: JSON = ["type": "integer"]
    static let uuid: JSON = ["type": "string", "format": "uuid", "examples": ["01a2060e-fa20-7fda-ba31-bc6ad5ea1083"]]
    static let time: JSON = ["type": "string", "format": "date-time", "examples": ["2026-11-23T08:30:00.125Z"]]
    static let item: JSON = ["enum": ["gold", "diamond"]]
    static let role: JSON = ["enum": ["player", "admin"]]
    static let count: JSON = ["type": "integer", "minimum": .integer(0)]
    static let streamID: JSON = [
        "type": "string", "pattern": "^[0-9]{1,20}-[0-9]{1,20}$", "examples": ["1795397974587-0"],
    ]
    static let eventType: JSON = [
        "type": "string", "pattern": "^[A-Za-z][A-Za-z0-9]{0,63}$", "examples": ["UserSignIn"],
    ]

    /// Characters are counted as Unicode scalars, as JSON Schema does.
    static func text(_ least: Int, _ most: Int, pattern: String? = nil, example: JSON? = nil) -> JSON {
        var members: [JSON.Member] = [
            .init(name: "type", value: "string"), .init(name: "minLength", value: JSON(least)),
            .init(name: "maxLength", value: JSON(most)),
        ]
        if let pattern { members.append(.init(name: "pattern", value: .string(pattern))) }
        if let example { members.append(.init(name: "examples", value: [example])) }
        return .object(members)
    }

    static func about(_ text: String, _ schema: JSON) -> JSON {
        guard case .object(let members) = schema else { return schema }
        return .object(members + [JSON.Member(name: "description", value: .string(text))])
    }

    static func example(_ example: JSON, _ schema: JSON) -> JSON {
        guard case .object(let members) = schema else { return schema }
        let others = members.filter { $0.name != "examples" }
        return .object(others + [JSON.Member(name: "examples", value: [example])])
    }

    /// The same, or null.
    static func nullable(_ schema: JSON) -> JSON {
        guard case .object(let members) = schema, schema["$ref"] == nil else {
            return ["anyOf": [schema, ["type": "null"]]]
        }
        return .object(
            members.map { member in
                switch (member.name, member.value) {
                case ("type", .string(let type)): .init(name: "type", value: [.string(type), "null"])
                case ("enum", .array(let values)): .init(name: "enum", value: .array(values + [.null]))
                default: member
                }
            })
    }

    static func array(of item: JSON) -> JSON { ["type": "array", "items": item] }

    /// - Parameter closed: whether a member that is not listed is refused.
    static func object(
        _ name: String, required: [JSON], _ properties: [(String, JSON)], closed: Bool = false
    ) -> ApiSchema {
        var members: [JSON.Member] = [
            .init(name: "type", value: "object"), .init(name: "required", value: .array(required)),
            .init(
                name: "properties", value: .object(properties.map { JSON.Member(name: $0.0, value: $0.1) })),
        ]
        if closed { members.append(.init(name: "additionalProperties", value: false)) }
        return ApiSchema(name: name, json: .object(members))
    }

    /// What is answered: every member is always there.
    static func row(_ name: String, _ properties: [(String, JSON)]) -> ApiSchema {
        ApiSchema(name: name, json: members(properties))
    }

    static func members(_ properties: [(String, JSON)]) -> JSON {
        object("", required: properties.map { .string($0.0) }, properties).json
    }
}
