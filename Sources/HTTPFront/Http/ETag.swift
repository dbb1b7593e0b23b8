import Crypto
import HTTPTypes
import Hummingbird

/// A strong entity tag (RFC 9110, section 8.8.3): the beginning of a digest of what is sent.
struct EntityTag: Equatable, Sendable {
    let text: String

    init(of content: String) {
        let digest = SHA256.hash(data: Array(content.utf8)).prefix(12)
        text = "\"" + digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() + "\""
    }

    /// Whether `If-None-Match` names it, by the weak comparison of RFC 9110, section 13.1.2.
    func isKnown(to request: Request) -> Bool {
        request.headers[values: .ifNoneMatch].contains { value in
            value.split(separator: ",").contains { candidate in
                var candidate = candidate.filter { $0 != " " }
                if candidate.hasPrefix("W/") { candidate.removeFirst(2) }
                return candidate == "*" || candidate == text
            }
        }
    }
}

extension Response {
    /// The answer with its entity tag, or 304 if the client has the same already.
    static func tagged(_ value: JSON, _ request: Request) -> Response {
        let tag = EntityTag(of: value.text)
        let headers: HTTPFields = [.eTag: tag.text, .cacheControl: "no-cache"]
        if tag.isKnown(to: request) { return Response(status: .notModified, headers: headers) }
        return .json(value, headers: headers)
    }
}
