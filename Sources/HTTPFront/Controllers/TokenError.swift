import HTTPTypes
import Hummingbird

/// The errors of the token endpoint, in the form of RFC 6749, section 5.2: OAuth clients read no problem documents.
struct TokenError: Error {
    enum Code: String, CaseIterable {
        case invalidRequest = "invalid_request"
        case invalidGrant = "invalid_grant"
        case unsupportedGrantType = "unsupported_grant_type"
        /// From section 4.1.2.1, which clients know for the same case.
        case temporarilyUnavailable = "temporarily_unavailable"
        case serverError = "server_error"
    }

    let code: Code
    let detail: String
    var status: HTTPResponse.Status = .badRequest
    var headers: HTTPFields = [:]

    init(_ code: Code, _ detail: String) {
        self.code = code
        self.detail = detail
    }

    /// One answer for an unknown name, a wrong password and a banned account: it tells nobody which names exist.
    static let invalidGrant = TokenError(.invalidGrant, "wrong name or password")

    /// Whatever was thrown while a token was asked for.
    init(_ error: any Error, _ request: Request, _ context: FrontContext) {
        if let error = error as? TokenError {
            self = error
            return
        }
        let problem = Envelope.problem(for: error, request, context)
        let code: Code =
            switch problem.status {
            case .tooManyRequests, .serviceUnavailable: .temporarilyUnavailable
            case .internalServerError: .serverError
            default: .invalidRequest
            }
        self.init(code, problem.detail ?? problem.title)
        status = problem.status
        headers = problem.headers
    }

    var response: Response {
        var headers = headers
        headers[.cacheControl] = "no-store"
        return .json(
            ["error": .string(code.rawValue), "error_description": .string(detail)], status: status, headers: headers)
    }
}
