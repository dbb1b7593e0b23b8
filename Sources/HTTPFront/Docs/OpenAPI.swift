import HTTPTypes

/// The API in the form that tools read (OpenAPI 3.1).
enum OpenAPI {
    static let document: JSON = [
        "openapi": "3.1.0",
        "info": [
            "title": "Questline", "version": "1",
            "description": """
            Sign-ins fill streaks, streaks complete quests, completed quests pay rewards. A trailing slash is optional. \
            Errors are problem documents (RFC 9457), at the token endpoint those of RFC 6749.
            """,
        ],
        "servers": [["url": "/api/v1"]],
        "paths": paths,
        "components": [
            "schemas": .object(
                ApiSchema.named.compactMap { schema in
                    schema.name.map { JSON.Member(name: $0, value: schema.json) }
                }),
            "securitySchemes": [
                "token": ["type": "http", "scheme": "bearer", "bearerFormat": "JWT"],
                "key": ["type": "apiKey", "in": "header", "name": "X-API-Key"],
            ],
        ],
    ]

    private static var paths: JSON {
        var order: [String] = []
        var byPath: [String: [JSON.Member]] = [:]
        for operation in ApiOperation.all {
            if byPath[operation.path] == nil { order.append(operation.path) }
            byPath[operation.path, default: []].append(
                JSON.Member(name: operation.method.rawValue.lowercased(), value: describe(operation)))
        }
        return .object(order.map { JSON.Member(name: $0, value: .object(byPath[$0] ?? [])) })
    }

    private static func describe(_ operation: ApiOperation) -> JSON {
        var members: [JSON.Member] = [
            .init(name: "summary", value: .string(operation.summary)),
            .init(name: "description", value: .string("For \(operation.audience.rawValue).")),
            .init(name: "security", value: security(operation.audience)),
        ]
        let parameters =
            operation.parameters.map { parameter($0, in: "path", about: nil) }
            + operation.query.map { parameter($0.name, in: "query", about: $0.about) }
        if !parameters.isEmpty { members.append(.init(name: "parameters", value: .array(parameters))) }
        if let body = operation.body {
            let type = operation.isForm ? "application/x-www-form-urlencoded" : "application/json"
            members.append(.init(name: "requestBody", value: ["content": content(type, body)]))
        }
        var success: [JSON.Member] = [.init(name: "description", value: "As asked")]
        if let answer = operation.answer {
            success.append(.init(name: "content", value: content("application/json", answer)))
        }
        let failure =
            operation.isForm
            ? content("application/json", .tokenError) : content("application/problem+json", .problem)
        members.append(
            .init(
                name: "responses",
                value: .object([
                    .init(name: String(operation.status), value: .object(success)),
                    .init(name: "default", value: ["description": "What went wrong", "content": failure]),
                ])))
        return .object(members)
    }

    private static func content(_ type: String, _ schema: ApiSchema) -> JSON {
        .object([.init(name: type, value: ["schema": schema.reference])])
    }

    private static func parameter(_ name: String, in place: String, about: String?) -> JSON {
        var members: [JSON.Member] = [
            .init(name: "name", value: .string(name)), .init(name: "in", value: .string(place)),
            .init(name: "required", value: .bool(place == "path")),
            .init(name: "schema", value: ["type": "string"]),
        ]
        if let about { members.append(.init(name: "description", value: .string(about))) }
        return .object(members)
    }

    private static func security(_ audience: ApiOperation.Audience) -> JSON {
        switch audience {
        case .everybody: []
        case .token, .themselvesOrAdmin, .admin: [["token": []]]
        case .personKeyOrAdmin, .keyOrAdmin: [["token": []], ["key": []]]
        case .key: [["key": []]]
        }
    }
}
