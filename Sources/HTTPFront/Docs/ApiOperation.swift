import HTTPTypes

/// One route as the documentation tells it.
struct ApiOperation: Sendable {
    enum Audience: String, Sendable {
        case everybody = "everybody"
        case token = "anybody with a token"
        case themselvesOrAdmin = "they themselves, admins"
        case personKeyOrAdmin = "they themselves, API keys, admins"
        case keyOrAdmin = "API keys, admins"
        case key = "API keys"
        case admin = "admins"
    }

    let method: HTTPRequest.Method
    /// With parameters in braces.
    let path: String
    let summary: String
    let audience: Audience
    let status: Int
    /// What the answer holds; nil for nothing.
    var answer: ApiSchema?
    var body: ApiSchema?
    /// Whether the body is a form rather than JSON.
    var isForm = false
    var query: [(name: String, about: String)] = []
    /// Statuses of its own beside those that follow from its audience, its body and its parameters.
    var failures: [Int] = []

    /// The names between braces.
    var parameters: [String] {
        path.split(separator: "/").compactMap { $0.hasPrefix("{") ? String($0.dropFirst().dropLast()) : nil }
    }

    static let paging = [
        (name: "limit", about: "rows per page, 1 to 100, usually 50"),
        (name: "cursor", about: "next_cursor of the page before"),
    ]
}

/// Every route under `/api/v1`. A test compares it with the router, so that neither goes without the other.
extension ApiOperation {
    static let all: [ApiOperation] = session + people + earnings + catalog + operators + access
}
