import HTTPTypes
import Hummingbird

/// Lets pages of other origins use the API from a browser (CORS, the Fetch standard), those that a setting names and no
/// others. Never with credentials: whoever sends a request sends its token or key itself, in a header.
struct CrossOrigin: Sendable {
    enum Allowed: Sendable, Equatable {
        case everybody
        /// Exactly as browsers write them; none by default.
        case origins(Set<String>)
    }

    let allowed: Allowed

    static let none = CrossOrigin(allowed: .origins([]))

    /// The answer to a browser that asks beforehand whether a page may send its request; nil for everything else, which is
    /// answered as usual.
    func preflight(_ request: Request) -> Response? {
        guard request.method == .options, request.headers.contains(.accessControlRequestMethod),
            origin(of: request) != nil
        else { return nil }
        return Response(
            status: .noContent,
            headers: [
                .accessControlAllowMethods: CrossOrigin.methods, .accessControlAllowHeaders: CrossOrigin.headers,
                .accessControlMaxAge: "600", .vary: "Access-Control-Request-Method, Access-Control-Request-Headers",
            ])
    }

    /// Adds to any answer what tells the browser whether the page may read it. A page that may not gets nothing, and so
    /// does everybody when nothing is allowed.
    func mark(_ response: inout Response, to request: Request) {
        // Caches must not hand the answer to one origin to another.
        if case .origins(let origins) = allowed, !origins.isEmpty {
            response.headers[.vary] = (response.headers[values: .vary] + ["Origin"]).joined(separator: ", ")
        }
        guard let origin = origin(of: request) else { return }
        response.headers[.accessControlAllowOrigin] = origin
        response.headers[.accessControlExposeHeaders] = CrossOrigin.exposed
    }

    /// What the browser is told, nil if the page may not.
    private func origin(of request: Request) -> String? {
        guard let origin = request.headers.value(of: .origin) else { return nil }
        switch allowed {
        case .everybody: return "*"
        case .origins(let origins): return origins.contains(origin) ? origin : nil
        }
    }

    private static let methods = "GET, HEAD, POST, PUT, PATCH, DELETE"
    private static let headers =
        "Authorization, Content-Type, X-API-Key, Idempotency-Key, If-Match, If-None-Match, X-Request-Id, traceparent, tracestate"
    private static let exposed =
        "ETag, Location, Retry-After, RateLimit, RateLimit-Policy, X-Request-Id, WWW-Authenticate, Allow"

    /// Reads the setting: `*`, or origins with commas between them.
    ///
    /// - Throws: `WrongOrigin`, which names the first that no browser would send.
    static func read(_ text: String) throws(WrongOrigin) -> CrossOrigin {
        if text.trimmed == "*" { return CrossOrigin(allowed: .everybody) }
        var origins: Set<String> = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let origin = String(part).trimmed
            guard isOrigin(origin) else { throw WrongOrigin(text: origin) }
            origins.insert(origin)
        }
        return CrossOrigin(allowed: .origins(origins))
    }

    /// Scheme, host and perhaps a port, in small letters and without a slash at the end.
    private static func isOrigin(_ text: String) -> Bool {
        guard let mark = text.firstRange(of: "://") else { return false }
        let scheme = text[..<mark.lowerBound]
        let authority = text[mark.upperBound...]
        func isPlain(_ byte: UInt8) -> Bool { (0x61...0x7a).contains(byte) || (0x30...0x39).contains(byte) }
        guard scheme.utf8.first.map({ (0x61...0x7a).contains($0) }) == true,
            scheme.utf8.allSatisfy({ isPlain($0) || [0x2b, 0x2d, 0x2e].contains($0) })
        else { return false }
        var host = authority
        if let colon = authority.lastIndex(of: ":"), !authority.hasSuffix("]") {
            let port = authority[authority.index(after: colon)...]
            guard let number = Int(port), (1...65_535).contains(number), String(number) == port else { return false }
            // Browsers leave out the port that goes with the scheme.
            guard !(scheme == "https" && number == 443), !(scheme == "http" && number == 80) else { return false }
            host = authority[..<colon]
        }
        if host.hasPrefix("["), host.hasSuffix("]") { return NetworkAddress(host.dropFirst().dropLast()) != nil }
        return !host.isEmpty && host.utf8.allSatisfy { isPlain($0) || [0x2d, 0x2e, 0x5f].contains($0) }
    }
}

struct WrongOrigin: Error, CustomStringConvertible {
    let text: String

    var description: String {
        "'\(text.prefix(80))' is not an origin as browsers send it (https://app.example.com, http://localhost:3000), nor *"
    }
}
