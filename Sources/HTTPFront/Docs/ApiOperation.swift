import HTTPTypes

/// One route as the documentation tells it.
struct ApiOperation: Sendable {
    enum Audience: String, Sendable {
        case everybody = "everybody"
        case token = "anybody with a token"
        case themselvesOrAdmin = "they themselves, admins"
        case personKeyOrAdmin = "they themselves, API keys, admins"
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
    static let all: [ApiOperation] = session + people + earnings + catalog + operators

    private static let session = [
        ApiOperation(
            method: .post, path: "/login/access-token",
            summary: "Signs in by the password form of OAuth 2; the sign-in is durable when the answer comes",
            audience: .everybody, status: 200, answer: .token, body: .credentials, isForm: true),
        ApiOperation(
            method: .post, path: "/login/test-token", summary: "Tells whose token it is", audience: .token,
            status: 200, answer: .user),
        ApiOperation(
            method: .post, path: "/logout", summary: "Revokes the token", audience: .token, status: 204),
        ApiOperation(
            method: .post, path: "/sign-ins", summary: "Accepts one sign-in or up to 1,000, all or none",
            audience: .key, status: 202, answer: .accepted, body: .signIns),
        ApiOperation(
            method: .get, path: "/utils/health-check", summary: "Answers true", audience: .everybody, status: 200,
            answer: .boolean),
    ]

    private static let people = [
        ApiOperation(
            method: .post, path: "/users/signup", summary: "Makes an account", audience: .everybody, status: 201,
            answer: .user, body: .newUser),
        ApiOperation(
            method: .get, path: "/users", summary: "Lists accounts", audience: .admin, status: 200,
            answer: .list(of: .user), query: paging),
        ApiOperation(
            method: .post, path: "/users", summary: "Makes an account for somebody", audience: .admin, status: 201,
            answer: .user, body: .newUser),
        ApiOperation(
            method: .get, path: "/users/{user_id}", summary: "Reads an account; one's own is also called me",
            audience: .themselvesOrAdmin, status: 200, answer: .user),
        ApiOperation(
            method: .patch, path: "/users/{user_id}", summary: "Bans, lifts a ban, or changes a role",
            audience: .admin, status: 200, answer: .user, body: .userChange),
        ApiOperation(
            method: .put, path: "/users/{user_id}/password",
            summary: "Sets one's own password and ends every session", audience: .token, status: 204,
            body: .passwordChange),
    ]

    private static let earnings = [
        ApiOperation(
            method: .get, path: "/users/{user_id}/progress", summary: "How far a person is with each quest",
            audience: .personKeyOrAdmin, status: 200, answer: .list(of: .progress), query: paging),
        ApiOperation(
            method: .get, path: "/users/{user_id}/claims", summary: "A person's rewards, newest first",
            audience: .personKeyOrAdmin, status: 200, answer: .list(of: .claim),
            query: paging + [(name: "status", about: "pending or claimed")]),
        ApiOperation(
            method: .post, path: "/users/{user_id}/claims/{claim_id}/claim",
            summary: "Claims a reward; a second time the same answer, and no second credit",
            audience: .personKeyOrAdmin, status: 200, answer: .claim),
        ApiOperation(
            method: .get, path: "/users/{user_id}/wallet", summary: "A person's ledger, newest first",
            audience: .personKeyOrAdmin, status: 200, answer: .list(of: .walletEntry), query: paging),
    ]

    private static let catalog = [
        ApiOperation(
            method: .get, path: "/quests", summary: "Lists active quests by name", audience: .everybody, status: 200,
            answer: .list(of: .quest), query: paging),
        ApiOperation(
            method: .get, path: "/quests/{quest_id}", summary: "Reads a quest", audience: .everybody, status: 200,
            answer: .quest),
        ApiOperation(
            method: .get, path: "/quests/name/{name}", summary: "Reads a quest by its name", audience: .everybody,
            status: 200, answer: .quest),
        ApiOperation(
            method: .get, path: "/rewards", summary: "Lists rewards by name", audience: .everybody, status: 200,
            answer: .list(of: .reward), query: paging),
        ApiOperation(
            method: .get, path: "/rewards/{reward_id}", summary: "Reads a reward", audience: .everybody, status: 200,
            answer: .reward),
    ]

    private static let operators = [
        ApiOperation(
            method: .get, path: "/events", summary: "The event table, the last recorded first", audience: .admin,
            status: 200, answer: .list(of: .event),
            query: paging + [
                (name: "user_id", about: "of this person only"), (name: "type", about: "of this type only"),
                (name: "recorded_from", about: "recorded at this RFC 3339 time or later"),
                (name: "recorded_before", about: "recorded before this RFC 3339 time"),
            ]),
        ApiOperation(
            method: .get, path: "/status", summary: "Groups, lag, outboxes, dead letters and durability",
            audience: .admin, status: 200, answer: .status),
        ApiOperation(
            method: .get, path: "/dead-letters", summary: "Entries that could not be applied, oldest first",
            audience: .admin, status: 200, answer: .list(of: .deadLetter),
            query: paging + [(name: "error", about: "only those whose error contains this text")]),
        ApiOperation(
            method: .get, path: "/dead-letters/{letter_id}", summary: "Reads a dead letter", audience: .admin,
            status: 200, answer: .deadLetter),
        ApiOperation(
            method: .post, path: "/dead-letters/{letter_id}/retry",
            summary: "Sends an entry again, with fields corrected if asked for", audience: .admin, status: 200,
            answer: .retried, body: .corrections),
        ApiOperation(
            method: .delete, path: "/dead-letters/{letter_id}", summary: "Drops a dead letter for good",
            audience: .admin, status: 204),
    ]
}
