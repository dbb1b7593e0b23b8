import HTTPTypes
import Hummingbird

/// Registers routes, and answers every other method on a known path with 405 and the methods that are allowed there.
struct Routes {
    typealias Handler = @Sendable (Request, FrontContext) async throws -> Response

    private let router: Router<FrontContext>
    private var methods: [String: [HTTPRequest.Method]] = [:]

    static let all: [HTTPRequest.Method] = [.get, .head, .post, .put, .patch, .delete, .options]

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
