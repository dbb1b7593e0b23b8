import HTTPTypes
import Mustache

/// The API for people: the same tables as `/openapi.json`, as a page.
enum DocsPage {
    /// What the template shows. Texts ending in `HTML` are markup already.
    private struct Page {
        let version: String
        let groups: [Group]
        let problems: [Kind]
    }

    private struct Kind {
        let status: Int
        let slug: String
        let meaningHTML: String
        let remedyHTML: String
    }

    private struct Group {
        let id: String
        let name: String
        let about: String
        let operations: [Operation]
    }

    private struct Operation {
        let id: String
        let method: String
        let kind: String
        let path: String
        let pathHTML: String
        let shortHTML: String
        let summary: String
        let audience: String
        let hasParameters: Bool
        let parameters: [Row]
        let hasBody: Bool
        let bodyType: String
        let body: [Row]
        let answers: [Answer]
        let hasFields: Bool
        let fields: [Row]
        let request: String
        let response: String?
        let status: Int
    }

    private struct Row {
        let name: String
        let place: String
        let type: String
        let need: String
        let aboutHTML: String
    }

    private struct Answer {
        let status: Int
        let kind: String
        let aboutHTML: String
        let headers: String
    }

    /// - Throws: what Mustache throws for a template that is none.
    static func render() throws -> String {
        let groups = ApiOperation.groups.map { group in
            Group(
                id: group.name.lowercased(), name: group.name, about: group.about,
                operations: group.operations.map(view))
        }
        let problems = ProblemType.all.map {
            Kind(
                status: $0.status, slug: $0.slug, meaningHTML: ApiText.html($0.meaning),
                remedyHTML: ApiText.html($0.remedy))
        }
        return try MustacheTemplate(string: DocsTemplate.html).render(
            Page(version: OpenAPI.version, groups: groups, problems: problems))
    }

    private static func view(_ operation: ApiOperation) -> Operation {
        let body = operation.body.map { rows(ApiText.fields(of: $0.reference)) } ?? []
        let fields = operation.answer.map { rows(ApiText.fields(of: $0.reference)) } ?? []
        return Operation(
            id: operation.id, method: operation.method.rawValue, kind: operation.method.rawValue.lowercased(),
            path: operation.fullPath, pathHTML: breakable(operation.fullPath), shortHTML: breakable(operation.path),
            summary: operation.summary, audience: operation.audience.rawValue,
            hasParameters: !operation.parameters.isEmpty,
            parameters: operation.parameters.map { parameter in
                Row(
                    name: parameter.name, place: parameter.place.rawValue, type: ApiText.type(parameter.schema),
                    need: parameter.isRequired ? "required" : "optional", aboutHTML: ApiText.html(parameter.about))
            },
            hasBody: operation.body != nil, bodyType: bodyType(operation), body: body,
            answers: operation.answers.map(view),
            hasFields: !fields.isEmpty, fields: fields, request: DocsExample.request(operation),
            response: DocsExample.response(operation), status: operation.status)
    }

    /// Where there is no room for all of it, it goes on in the next line after a slash.
    private static func breakable(_ path: String) -> String {
        ApiText.escaped(path).replacing("/", with: "/<wbr>")
    }

    private static func bodyType(_ operation: ApiOperation) -> String {
        operation.isForm
            ? "application/x-www-form-urlencoded"
            : "application/json"
                + (operation.bodyIsOptional ? ", may be left out" : "")
    }

    private static func view(_ answer: ApiAnswer) -> Answer {
        Answer(
            status: answer.status, kind: answer.status < 400 ? "good" : "bad", aboutHTML: ApiText.html(answer.about),
            headers: answer.headers.dropFirst().map(\.name).joined(separator: ", "))
    }

    private static func rows(_ fields: [ApiText.Field]) -> [Row] {
        fields.map { field in
            Row(
                name: field.name, place: "", type: field.type, need: field.isRequired ? "required" : "optional",
                aboutHTML: ApiText.html(field.about))
        }
    }
}

/// A request and its answer as a person would try them.
enum DocsExample {
    static func request(_ operation: ApiOperation) -> String {
        var path = operation.fullPath
        for parameter in operation.parameters where parameter.place == .path {
            path = path.replacing("{\(parameter.name)}", with: plain(ApiExample.of(parameter.schema)))
        }
        var lines = ["curl \"$QUESTLINE_URL\(path)\""]
        if operation.method != .get { lines[0] = "curl -X \(operation.method.rawValue) \"$QUESTLINE_URL\(path)\"" }
        switch operation.audience {
        case .everybody: break
        case .key, .personKeyOrAdmin, .keyOrAdmin: lines.append("-H \"X-API-Key: $QUESTLINE_API_KEY\"")
        case .token, .themselvesOrAdmin, .admin: lines.append("-H \"Authorization: Bearer $TOKEN\"")
        }
        for parameter in operation.parameters where parameter.place == .header && parameter.isRequired {
            lines.append("-H '\(parameter.name): \(plain(ApiExample.of(parameter.schema)))'")
        }
        if let body = operation.body {
            let example = ApiExample.of(body.reference)
            if operation.isForm, case .object(let members) = example {
                lines.append("-d '" + members.map { "\($0.name)=\(plain($0.value))" }.joined(separator: "&") + "'")
            } else {
                lines.append("-H 'Content-Type: application/json'")
                lines.append("-d '\(example.text)'")
            }
        }
        return lines.joined(separator: " \\\n  ")
    }

    static func response(_ operation: ApiOperation) -> String? {
        guard let answer = operation.answer else { return nil }
        let example = ApiExample.of(answer.reference)
        return operation.mediaType == "text/plain" ? plain(example) : ApiText.pretty(example)
    }

    private static func plain(_ value: JSON) -> String { value.string ?? value.text }
}
