import HTTPTypes
import Hummingbird
import NIOCore

/// An answer that tells what went wrong, as `application/problem+json` (RFC 9457).
///
/// `type` is stable: a client may decide by it. `title` goes with the type, `detail` with this one case.
struct Problem: Error, Sendable {
    /// One thing that is wrong with a request body.
    struct Fault: Equatable, Sendable {
        /// A JSON pointer (RFC 6901) to the value.
        let pointer: String
        let detail: String
    }

    let status: HTTPResponse.Status
    /// The last part of the type.
    let slug: String
    let title: String
    var detail: String?
    var faults: [Fault] = []
    var headers: HTTPFields = [:]
    /// Further members that a program may read (RFC 9457, section 3.2).
    var members: [JSON.Member] = []

    static let prefix = "urn:questline:problem:"

    var type: String { Problem.prefix + slug }

    func json(requestID: String) -> JSON {
        var members: [JSON.Member] = [
            .init(name: "type", value: .string(type)), .init(name: "title", value: .string(title)),
            .init(name: "status", value: JSON(status.code)),
        ]
        if let detail { members.append(.init(name: "detail", value: .string(detail))) }
        if !faults.isEmpty {
            let errors = faults.map { ["pointer": .string($0.pointer), "detail": .string($0.detail)] as JSON }
            members.append(.init(name: "errors", value: .array(errors)))
        }
        members += self.members
        members.append(.init(name: "request_id", value: .string(requestID)))
        return .object(members)
    }

    func response(requestID: String) -> Response {
        var response = Response.json(json(requestID: requestID), status: status)
        response.headers[.contentType] = "application/problem+json"
        response.headers[.cacheControl] = "no-store"
        for field in headers { response.headers[field.name] = field.value }
        return response
    }
}

extension Problem {
    /// - Parameter closes: whether nothing more can be read from this connection.
    static func malformed(_ detail: String, closes: Bool = false) -> Problem {
        Problem(
            status: .badRequest, slug: "malformed-request", title: "The request cannot be read", detail: detail,
            headers: closes ? [.connection: "close"] : [:])
    }

    static func invalid(_ faults: [Fault]) -> Problem {
        let detail = faults.count == 1 ? "One value is not valid" : "\(faults.count) values are not valid"
        return Problem(
            status: .unprocessableContent, slug: "invalid-values", title: "The request holds values that are not valid",
            detail: detail, faults: faults)
    }

    static func unauthorized(_ detail: String) -> Problem {
        Problem(
            status: .unauthorized, slug: "unauthorized", title: "Sign in first", detail: detail,
            headers: [.wwwAuthenticate: "Bearer realm=\"questline\""])
    }

    static func forbidden(_ detail: String) -> Problem {
        Problem(status: .forbidden, slug: "forbidden", title: "This is not yours to do", detail: detail)
    }

    static func notFound(_ detail: String) -> Problem {
        Problem(status: .notFound, slug: "not-found", title: "There is nothing here", detail: detail)
    }

    static func conflict(_ slug: String, _ detail: String) -> Problem {
        Problem(status: .conflict, slug: slug, title: "This is at odds with what is there", detail: detail)
    }

    /// As `Allow` has it.
    static func list(of methods: [HTTPRequest.Method]) -> String {
        methods.map(\.rawValue).sorted().joined(separator: ", ")
    }

    static func methodNotAllowed(_ allowed: [HTTPRequest.Method]) -> Problem {
        let list = list(of: allowed)
        return Problem(
            status: .methodNotAllowed, slug: "method-not-allowed", title: "This method does not go with this address",
            detail: "Allowed: \(list)", headers: [.allow: list])
    }

    static func tooLarge(_ limit: Int) -> Problem {
        Problem(
            status: .contentTooLarge, slug: "too-large", title: "The request body is too large",
            detail: "At most \(limit) bytes are read", headers: [.connection: "close"])
    }

    static func unsupportedMediaType(_ expected: String) -> Problem {
        Problem(
            status: .unsupportedMediaType, slug: "unsupported-media-type",
            title: "This kind of content is not read here",
            detail: "Send \(expected)")
    }

    static func tooMany(_ what: String, retryAfter seconds: Int64) -> Problem {
        Problem(
            status: .tooManyRequests, slug: "too-many-attempts", title: "Too many attempts",
            detail: "\(what); try again in \(seconds) s", headers: [.retryAfter: String(seconds)])
    }

    static func unavailable(_ detail: String, retryAfter seconds: Int = 2) -> Problem {
        Problem(
            status: .serviceUnavailable, slug: "unavailable", title: "Not possible at the moment",
            detail: "\(detail); send the same again later", headers: [.retryAfter: String(seconds)])
    }

    static let unexpected = Problem(
        status: .internalServerError, slug: "internal", title: "Something went wrong here",
        detail: "It is logged under the request id")
}

extension Response {
    static func json(_ value: JSON, status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]) -> Response {
        var buffer = ByteBuffer()
        value.write(to: &buffer)
        var headers = headers
        headers[.contentType] = "application/json"
        return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: buffer))
    }
}
