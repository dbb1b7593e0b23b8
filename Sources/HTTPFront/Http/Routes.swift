import HTTPTypes
import Hummingbird

/// Registers routes, and answers OPTIONS on a known path with the methods that are allowed there, and every other method
/// with 405 and the same list.
struct Routes {
    typealias Handler = @Sendable (Request, FrontContext) async throws -> Response

    private let router: Router<FrontContext>
    private var methods: [String: [HTTPRequest.Method]] = [:]

    /// All that have a name somewhere; a method nobody has heard of is 404 on any path.
    static let all: [HTTPRequest.Method] =
        [.get, .head, .post, .put, .patch, .delete, .options, .trace, .connect]
        + [
            "QUERY", "PROPFIND", "PROPPATCH", "MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK", "SEARCH", "REPORT", "LINK",
            "UNLINK",
            "PURGE",
        ].compactMap { HTTPRequest.Method($0) }

    private let prefix: String

    init(_ router: Router<FrontContext>, under prefix: String = "") {
        self.router = router
        self.prefix = prefix
    }

    mutating func get(_ path: String, _ handler: @escaping Handler) {
        on(.get, path, handler)
        on(.head, path) { request, context in
            try await handler(request, context).createHeadResponse()
        }
    }

    mutating func post(_ path: String, _ handler: @escaping Handler) { on(.post, path, handler) }
    mutating func put(_ path: String, _ handler: @escaping Handler) { on(.put, path, handler) }
    mutating func patch(_ path: String, _ handler: @escaping Handler) { on(.patch, path, handler) }
    mutating func delete(_ path: String, _ handler: @escaping Handler) { on(.delete, path, handler) }

    /// What was registered, as `GET /users/{user_id}`, without the prefix and without HEAD.
    var listed: Set<String> {
        Set(
            methods.flatMap { path, methods in
                let parts = path.dropFirst(prefix.count).split(separator: "/").map { part in
                    part.hasPrefix(":") ? "{\(part.dropFirst())}" : String(part)
                }
                return methods.filter { $0 != .head }.map { "\($0.rawValue) /" + parts.joined(separator: "/") }
            })
    }

    /// To be called once, when all routes are there.
    func close() {
        for (path, allowed) in methods {
            let allowed = allowed + [.options]
            let list = Problem.list(of: allowed)
            router.on(RouterPath(path), method: .options) { _, _ in
                Response(status: .noContent, headers: [.allow: list])
            }
            for method in Routes.all where !allowed.contains(method) {
                router.on(RouterPath(path), method: method) { _, _ -> Response in
                    throw Problem.methodNotAllowed(allowed)
                }
            }
        }
    }

    private mutating func on(_ method: HTTPRequest.Method, _ path: String, _ handler: @escaping Handler) {
        let path = "\(prefix)/\(path)"
        methods[path, default: []].append(method)
        router.on(RouterPath(path), method: method, use: handler)
    }
}
