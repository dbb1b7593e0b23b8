/// One status that an operation can answer, and what comes with it.
struct ApiAnswer: Sendable {
    let status: Int
    let about: String
    /// Nil for no body.
    let schema: ApiSchema?
    let mediaType: String
    let headers: [ApiHeader]

    var isProblem: Bool { mediaType == "application/problem+json" }
}

extension ApiOperation {
    /// Every status it can answer, the success first, the others in order.
    var answers: [ApiAnswer] {
        [success(status)] + others.sorted().map { $0 < 300 ? success($0) : failure($0) }
    }

    /// What follows from what the route is, and its own.
    private var others: Set<Int> {
        var statuses = Set(failures)
        if audience != .everybody { statuses.insert(401) }
        switch audience {
        case .everybody, .key: break
        case .token, .themselvesOrAdmin, .personKeyOrAdmin, .keyOrAdmin, .admin: statuses.insert(403)
        }
        if path.contains("{") { statuses.insert(404) }
        if !query.isEmpty { statuses.insert(400) }
        if body != nil { statuses.formUnion(isForm ? [400, 413] : [400, 413, 415, 422]) }
        if !needsNobody { statuses.formUnion([500, 503]) }
        statuses.remove(status)
        return statuses
    }

    /// What every answer has, and how the limits stand where there are some.
    private var usualHeaders: [ApiHeader] {
        [.requestID] + (failures.contains(429) ? [.rateLimit, .rateLimitPolicy] : [])
    }

    private func success(_ status: Int) -> ApiAnswer {
        var headers = usualHeaders
        if status == 201, isLocated { headers.append(.location) }
        if isTagged || failures.contains(304) || failures.contains(428) {
            headers.append(.entityTag)
        }
        let about =
            switch status {
            case 201: "Made"
            case 202: "Accepted: it is durable"
            case 204: "Done; there is no body"
            default: "As asked"
            }
        return ApiAnswer(
            status: status, about: about, schema: status == 204 ? nil : answer, mediaType: mediaType, headers: headers)
    }

    private func failure(_ status: Int) -> ApiAnswer {
        var headers = usualHeaders
        switch status {
        case 304:
            return ApiAnswer(
                status: 304, about: "What If-None-Match names has not changed; there is no body", schema: nil,
                mediaType: mediaType, headers: headers + [.entityTag])
        case 401: headers.append(.authenticate)
        case 412: headers.append(.entityTag)
        case 429, 503: headers.append(.retryAfter)
        default: break
        }
        if mediaType == "text/plain" {
            return ApiAnswer(
                status: status, about: "Why not, a reason per line", schema: .text, mediaType: mediaType,
                headers: [.requestID])
        }
        if isForm {
            return ApiAnswer(
                status: status, about: TokenError.about(status), schema: .tokenError, mediaType: "application/json",
                headers: headers)
        }
        return ApiAnswer(
            status: status, about: ProblemType.about(status), schema: .problem(status),
            mediaType: "application/problem+json", headers: headers)
    }
}

extension TokenError {
    /// Which errors of RFC 6749, section 5.2 come with a status.
    static func about(_ status: Int) -> String {
        switch status {
        case 400: "`invalid_grant`: wrong name or password; `invalid_request`; `unsupported_grant_type`"
        case 413: "`invalid_request`: the form is too large"
        case 429: "`temporarily_unavailable`: too many failed sign-ins"
        case 503: "`temporarily_unavailable`: send the same again"
        default: "`server_error`: logged under the request id"
        }
    }
}
