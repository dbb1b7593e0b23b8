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
    /// Whether the body is a form rather than JSON. Its errors are those of RFC 6749 then.
    var isForm = false
    /// Whether the route also takes no body at all.
    var bodyIsOptional = false
    var query: [ApiParameter] = []
    /// Headers that it reads, beside those that follow from its statuses.
    var headers: [ApiParameter] = []
    /// Statuses of its own beside those that follow from its audience, its body and its parameters. 304 means that answers
    /// have an entity tag, 428 that a change must name one.
    var failures: [Int] = []
    /// Whether a success has an entity tag although there is no asking whether it has changed.
    var isTagged = false
    /// Whether what a 201 has made can be read at an address of its own.
    var isLocated = true
    /// The text of a success that is no JSON.
    var mediaType = "application/json"
    /// Whether it answers from memory alone, so that nothing can be away.
    var needsNobody = false
    /// Where the path begins.
    var root = "/api/v1"

    var fullPath: String { root + path }

    /// A name for generated clients, such as `getUsersUserIdProgress`.
    var id: String {
        let words = path.split { !$0.isLetter && !$0.isNumber }
        return method.rawValue.lowercased() + words.map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
    }

    var parameters: [ApiParameter] {
        let names = path.split(separator: "/").filter { $0.hasPrefix("{") }.map { String($0.dropFirst().dropLast()) }
        return names.map(ApiParameter.path) + query + headers
            + (failures.contains(304) ? [ApiParameter.ifNoneMatch] : [])
            + (failures.contains(428) ? [ApiParameter.ifMatch] : [])
    }

    static let paging = [ApiParameter.limit, ApiParameter.cursor]
}

extension ApiOperation {
    /// Operations that belong together.
    struct Group: Sendable {
        let name: String
        let about: String
        let operations: [ApiOperation]
    }

    static let groups = [
        Group(
            name: "Sign-in", about: "Signing in and out, and the sign-ins that other servers report.",
            operations: session),
        Group(name: "People", about: "Accounts, roles and passwords.", operations: people),
        Group(name: "Earnings", about: "What a person has earned: progress, claims, the wallet.", operations: earnings),
        Group(name: "Catalog", about: "Quests and rewards.", operations: catalog),
        Group(name: "Operators", about: "What admins look at and mend.", operations: operators),
        Group(name: "Access", about: "API keys, and who did what.", operations: access),
        Group(name: "Probes", about: "For load balancers and tools, at the root.", operations: probes),
    ]

    /// Every route under `/api/v1`. A test compares it with the router, so that neither goes without the other.
    static let all = groups.flatMap(\.operations).filter { $0.root == "/api/v1" }

    static let probes = [
        ApiOperation(
            method: .get, path: "/livez", summary: "Says that the process runs", audience: .everybody, status: 200,
            answer: .text, mediaType: "text/plain", needsNobody: true, root: ""),
        ApiOperation(
            method: .get, path: "/readyz", summary: "Says whether the front can take sign-ins, or why not",
            audience: .everybody, status: 200, answer: .text, failures: [503], mediaType: "text/plain",
            needsNobody: true, root: ""),
        ApiOperation(
            method: .get, path: "/openapi.json", summary: "This description", audience: .everybody, status: 200,
            answer: .description, failures: [304],
            needsNobody: true, root: ""),
    ]
}
