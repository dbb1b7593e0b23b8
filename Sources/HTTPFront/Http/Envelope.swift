import Domain
import HTTPTypes
import Hummingbird
import Identity
import Logging
import NIOCore
import NIOHTTP1
import Postgres
import Redis

/// The outermost layer: gives every request an id and every answer its security headers, and turns whatever is thrown
/// within into a problem that says what the client can do about it.
struct Envelope: RouterMiddleware {
    typealias Context = FrontContext

    let crossOrigin: CrossOrigin

    func handle(
        _ request: Request, context: FrontContext, next: (Request, FrontContext) async throws -> Response
    ) async throws -> Response {
        var context = context
        context.origin = EventOrigin(
            traceparent: request.headers.value(of: .traceparent), requestID: request.headers.value(of: .xRequestID))
        context.requestID = context.origin.requestID ?? RequestID().description
        var response: Response
        do {
            if let preflight = crossOrigin.preflight(request) {
                response = preflight
            } else {
                response = try await next(request, context)
            }
        } catch {
            response = Envelope.problem(for: error, request, context).response(requestID: context.requestID)
            // What follows the headers of an answer to HEAD would be taken for the next answer.
            if request.method == .head { response = response.createHeadResponse() }
        }
        let security = Envelope.security(of: response.headers)
        response.headers.reserveCapacity(response.headers.count + security.count + 4)
        response.headers.append(HTTPField(name: .xRequestID, value: context.requestID))
        response.headers.append(HTTPField(name: .date, value: HTTPDate.now))
        for field in security where !response.headers.contains(field.name) { response.headers.append(field) }
        crossOrigin.mark(&response, to: request)
        context.debug("\(request.method.rawValue) \(request.uri.path)", ["status": "\(response.status.code)"])
        return response
    }

    /// The answer to an error, whatever layer it comes from.
    static func problem(for error: any Error, _ request: Request, _ context: FrontContext) -> Problem {
        switch error {
        case let problem as Problem: return problem
        case let error as HTTPError where error.status == .notFound:
            return .notFound("No route has this path")
        case let error as HTTPError where error.status == .badRequest: return .malformed(error.body ?? "Bad request")
        case is HTTPParserError: return .malformed("The body ends or breaks off where it should not", closes: true)
        case is NIOTooManyBytesError: return .tooLarge(FrontContext.largestBody)
        case let overload as PasswordOverload:
            return .unavailable("Too many people are signing in", retryAfter: overload.retryAfterSeconds)
        case let error as PostgresError where error.isRetryable || error.code == .cancelled:
            return .unavailable("The database cannot be used")
        case let error as RedisError where error.isRetryable || error.code == .cancelled:
            return .unavailable("The stream cannot be used")
        case is CancellationError: return .unavailable("The server is stopping")
        default:
            context.logger.error(
                "request failed",
                metadata: ["error": "\(error)", "route": "\(request.method.rawValue) \(context.endpointPath ?? "-")"])
            return .unexpected
        }
    }

    /// What an answer with these fields is to have as well.
    private static func security(of fields: HTTPFields) -> HTTPFields {
        switch fields.value(of: .contentType) {
        case nil, "application/json", "application/problem+json": dataHeaders
        default: documentHeaders
        }
    }

    /// No framing, no sniffing, nothing loaded from elsewhere, nothing kept unless the route says so.
    /// `Strict-Transport-Security` is for the gateway that speaks TLS: it alone knows.
    static let dataHeaders: HTTPFields = [
        .cacheControl: "no-store",
        .contentSecurityPolicy: "default-src 'none'; frame-ancestors 'none'",
        .xContentTypeOptions: "nosniff",
        .crossOriginResourcePolicy: "same-origin",
    ]

    /// What could be shown as a page says also what a page may do and pass on; pages narrow it further down for themselves.
    static let documentHeaders: HTTPFields = {
        var fields = dataHeaders
        fields[.referrerPolicy] = "no-referrer"
        fields[.crossOriginOpenerPolicy] = "same-origin"
        fields[.permissionsPolicy] = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"
        fields[.xFrameOptions] = "DENY"
        return fields
    }()
}

extension HTTPField.Name {
    static let xRequestID = name("X-Request-Id")
    static let xAPIKey = name("X-API-Key")
    static let xForwardedFor = name("X-Forwarded-For")
    static let xForwardedProto = name("X-Forwarded-Proto")
    static let xAccelBuffering = name("X-Accel-Buffering")
    static let idempotencyKey = name("Idempotency-Key")
    static let traceparent = name("traceparent")
    static let referrerPolicy = name("Referrer-Policy")
    static let crossOriginResourcePolicy = name("Cross-Origin-Resource-Policy")
    static let crossOriginOpenerPolicy = name("Cross-Origin-Opener-Policy")
    static let permissionsPolicy = name("Permissions-Policy")
    static let xFrameOptions = name("X-Frame-Options")
    static let rateLimit = name("RateLimit")
    static let rateLimitPolicy = name("RateLimit-Policy")

    private static func name(_ text: String) -> HTTPField.Name {
        // Only names written above come here, and all of them are tokens.
        HTTPField.Name(text) ?? .server
    }
}
