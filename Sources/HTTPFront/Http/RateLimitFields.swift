import HTTPTypes
import Identity

extension HTTPFields {
    /// Tells how a limit stands, as structured fields of draft-ietf-httpapi-ratelimit-headers:
    /// `RateLimit-Policy: "sign-in-address";q=50;w=300` (attempts, seconds) and
    /// `RateLimit: "sign-in-address";r=49;t=300` (attempts left, seconds until there are all of them again).
    ///
    /// Only the limit on the sender's own address is told, and another one once it is used up: how many have failed to guess
    /// somebody's password is nobody else's business.
    mutating func tell(_ standing: Limits.Standing) {
        let quotas = standing.quotas.filter { $0.name.hasSuffix("-address") || $0.remaining == 0 }
        self[.rateLimitPolicy] = quotas.map { "\"\($0.name)\";q=\($0.limit.attempts);w=\($0.limit.seconds)" }
            .joined(separator: ", ")
        self[.rateLimit] = quotas.map { "\"\($0.name)\";r=\($0.remaining);t=\($0.reset)" }.joined(separator: ", ")
    }
}
