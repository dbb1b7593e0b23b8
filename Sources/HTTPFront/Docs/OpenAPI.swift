import HTTPTypes

/// The API in the form that tools read (OpenAPI 3.1).
enum OpenAPI {
    static let version = "1.0.0"

    static let document: JSON = [
        "openapi": "3.1.0",
        "info": [
            "title": "Questline", "version": .string(version),
            "description": """
            Sign-ins fill streaks, streaks complete quests, completed quests pay rewards.

            A trailing slash is optional. Every route that answers GET answers HEAD, every path answers OPTIONS with the \
            methods it has, and any other method is answered 405 with `Allow`. Query parameters that a route does not know \
            are ignored. Errors are problem documents (RFC 9457) with a stable `type`, at the token endpoint those of \
            RFC 6749. Every answer has an `X-Request-Id`, which the logs carry too.
            """,
        ],
        "servers": [["url": "/", "description": "This front"]],
        "tags": .array(
            ApiOperation.groups.map { ["name": .string($0.name), "description": .string($0.about)] }),
        "paths": paths,
        "components": [
            "schemas": .object(
                ApiSchema.named.compactMap { schema in
                    schema.name.map { JSON.Member(name: $0, value: schema.json) }
                }),
            "headers": .object(
                ApiHeader.all.map { header in
                    JSON.Member(
                        name: header.name,
                        value: [
                            "description": .string(header.about), "required": .bool(header.isRequired),
                            "schema": header.schema,
                        ])
                }),
            "responses": .object(sharedAnswers),
            "securitySchemes": [
                "token": [
                    "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
                    "description": "The `access_token` of `POST /api/v1/login/access-token`, good for 8 hours.",
                ],
                "session": [
                    "type": "apiKey", "in": "cookie", "name": .string(SessionCookie.plainName),
                    "description": """
                    The same token in the cookie of `POST /api/v1/session` (`__Host-questline` over https), for pages of \
                    this address: changes need their own `Origin`. `Authorization` makes it irrelevant.
                    """,
                ],
                "key": [
                    "type": "apiKey", "in": "header", "name": "X-API-Key",
                    "description": "For servers. It makes `Authorization` irrelevant.",
                ],
                "password": [
                    "type": "oauth2", "description": "How a token is got.",
                    "flows": ["password": ["tokenUrl": "/api/v1/login/access-token", "scopes": .object([])]],
                ],
            ],
        ],
    ]

    private static var paths: JSON {
        var order: [String] = []
        var byPath: [String: [JSON.Member]] = [:]
        for group in ApiOperation.groups {
            for operation in group.operations {
                if byPath[operation.fullPath] == nil { order.append(operation.fullPath) }
                byPath[operation.fullPath, default: []].append(
                    .init(name: operation.method.rawValue.lowercased(), value: describe(operation, in: group.name)))
            }
        }
        return .object(order.map { JSON.Member(name: $0, value: .object(byPath[$0] ?? [])) })
    }

    private static func describe(_ operation: ApiOperation, in group: String) -> JSON {
        var members: [JSON.Member] = [
            .init(name: "operationId", value: .string(operation.id)),
            .init(name: "tags", value: [.string(group)]),
            .init(name: "summary", value: .string(operation.summary)),
            .init(name: "description", value: .string("For \(operation.audience.rawValue).")),
            .init(name: "security", value: security(operation.audience)),
        ]
        if !operation.parameters.isEmpty {
            members.append(.init(name: "parameters", value: .array(operation.parameters.map(parameter))))
        }
        if let body = operation.body {
            let type = operation.isForm ? "application/x-www-form-urlencoded" : "application/json"
            members.append(
                .init(
                    name: "requestBody",
                    value: [
                        "required": .bool(!operation.bodyIsOptional),
                        "content": content(type, body.reference, example: ApiExample.of(body.reference)),
                    ]))
        }
        members.append(
            .init(
                name: "responses",
                value: .object(
                    operation.answers.map { .init(name: String($0.status), value: reference(to: $0)) })))
        return .object(members)
    }

    private static func parameter(_ parameter: ApiParameter) -> JSON {
        [
            "name": .string(parameter.name), "in": .string(parameter.place.rawValue),
            "required": .bool(parameter.isRequired), "description": .string(parameter.about),
            "schema": parameter.schema,
        ]
    }

    private static func security(_ audience: ApiOperation.Audience) -> JSON {
        switch audience {
        case .everybody: []
        case .token, .themselvesOrAdmin, .admin: [["token": []], ["session": []]]
        case .personKeyOrAdmin, .keyOrAdmin: [["token": []], ["session": []], ["key": []]]
        case .key: [["key": []]]
        }
    }
}

/// Answers. Problems are the same wherever they occur, so they stand among the components.
extension OpenAPI {
    private static func reference(to answer: ApiAnswer) -> JSON {
        isShared(answer) ? ["$ref": .string("#/components/responses/\(name(answer.status))")] : describe(answer)
    }

    private static var sharedAnswers: [JSON.Member] {
        var byStatus: [Int: ApiAnswer] = [:]
        for answer in ApiOperation.groups.flatMap(\.operations).flatMap(\.answers)
        where isShared(answer) {
            byStatus[answer.status] = answer
        }
        return byStatus.sorted { $0.key < $1.key }.map { .init(name: name($0.key), value: describe($0.value)) }
    }

    /// Routes with a limit tell how it stands, whatever they answer.
    private static func isShared(_ answer: ApiAnswer) -> Bool {
        answer.isProblem && !answer.headers.contains { $0.name == ApiHeader.rateLimit.name }
    }

    private static func name(_ status: Int) -> String {
        let phrase = HTTPResponse.Status(code: status).reasonPhrase
        return phrase.isEmpty ? "Status\(status)" : phrase.filter { $0 != " " && $0 != "-" }
    }

    private static func describe(_ answer: ApiAnswer) -> JSON {
        var members: [JSON.Member] = [
            .init(name: "description", value: .string(answer.about)),
            .init(
                name: "headers",
                value: .object(
                    answer.headers.map {
                        .init(name: $0.name, value: ["$ref": .string("#/components/headers/\($0.name)")])
                    })),
        ]
        if let schema = answer.schema {
            members.append(.init(name: "content", value: content(answer.mediaType, schema.reference, example: nil)))
        }
        return .object(members)
    }

    private static func content(_ type: String, _ schema: JSON, example: JSON?) -> JSON {
        var media: [JSON.Member] = [.init(name: "schema", value: schema)]
        if let example { media.append(.init(name: "example", value: example)) }
        return .object([.init(name: type, value: .object(media))])
    }
}
