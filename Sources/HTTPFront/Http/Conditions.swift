import Catalog
import HTTPTypes
import Hummingbird
import NIOCore

/// What a request asks of the state of what it names (RFC 9110, section 13).
extension Request {
    /// Whether the client has `tag` already, by the weak comparison of `If-None-Match`.
    func knows(_ tag: String) -> Bool {
        guard headers[.ifNoneMatch] != nil else { return false }
        let tags = Request.tags(headers[values: .ifNoneMatch])
        return tags == ["*"]
            || tags.contains { candidate in
                (candidate.hasPrefix("W/") ? candidate.dropFirst(2) : candidate) == tag
            }
    }

    /// The state that a change is meant for, by `If-Match`. Weak tags match nothing, nor does `*` among others.
    ///
    /// - Throws: `Problem` 428 without one.
    func precondition() throws -> Precondition {
        guard headers[.ifMatch] != nil else { throw Problem.preconditionRequired }
        let tags = Request.tags(headers[values: .ifMatch])
        return tags == ["*"] ? .any : .tags(tags.filter { !$0.hasPrefix("W/") }.map(String.init))
    }

    private static func tags(_ values: [String]) -> [Substring] {
        values.flatMap { $0.split(separator: ",") }.map { value in
            let blank: (Character) -> Bool = { $0 == " " || $0 == "\t" }
            let trimmed = value.drop(while: blank)
            return trimmed.prefix(
                upTo: trimmed.lastIndex { !blank($0) }.map { trimmed.index(after: $0) } ?? trimmed.endIndex)
        }
    }
}

extension Problem {
    static let preconditionRequired = Problem(
        status: .preconditionRequired, slug: "precondition-required", title: "Say which state this change is meant for",
        detail: "Send If-Match with the ETag of the last GET, or *")

    static func stale(tag: String) -> Problem {
        Problem(
            status: .preconditionFailed, slug: "precondition-failed", title: "It has changed since",
            detail: "Read it again, and decide again", headers: [.eTag: tag])
    }
}

extension Response {
    /// A document of the catalog with its tag, or 304 if the client has the same already.
    static func document(_ document: CatalogDocument, _ request: Request) -> Response {
        if request.knows(document.tag) {
            return Response(status: .notModified, headers: [.eTag: document.tag, .cacheControl: "no-cache"])
        }
        return .document(document)
    }

    static func document(
        _ document: CatalogDocument, status: HTTPResponse.Status = .ok, location: String? = nil
    ) -> Response {
        var headers: HTTPFields = [
            .contentType: "application/json", .eTag: document.tag, .cacheControl: "no-cache",
        ]
        if let location { headers[.location] = location }
        return Response(
            status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: document.bytes)))
    }
}
