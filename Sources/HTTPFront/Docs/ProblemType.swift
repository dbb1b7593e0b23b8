/// One `type` of problem, which a client may decide by: it means the same in every version.
struct ProblemType: Sendable {
    /// The last part of the type.
    let slug: String
    let status: Int
    let meaning: String
    let remedy: String

    var type: String { Problem.prefix + slug }

    /// All there are. A test that meets another one fails.
    static let all = [
        ProblemType(
            slug: "malformed-request", status: 400, meaning: "The body is no JSON, or a parameter cannot be read.",
            remedy: "Mend the request: `detail` names the place."),
        ProblemType(
            slug: "unauthorized", status: 401, meaning: "No token or key, or one that is not valid any more.",
            remedy: "Sign in again, or send a key that is in force."),
        ProblemType(
            slug: "wrong-credentials", status: 401, meaning: "Nobody has this name and this password.",
            remedy: "Ask the person again."),
        ProblemType(
            slug: "forbidden", status: 403, meaning: "The sender is known, and this is for others.",
            remedy: "Do not repeat it with the same token or key."),
        ProblemType(
            slug: "not-found", status: 404, meaning: "No route has this path, or nothing has this id.",
            remedy: "Check the address."),
        ProblemType(
            slug: "method-not-allowed", status: 405, meaning: "The path is right, the method is not.",
            remedy: "Use one of those that `Allow` lists."),
        ProblemType(
            slug: "too-slow", status: 408,
            meaning: "The request was not complete after 60 s; the connection is closed.",
            remedy: "Send it again, faster."),
        ProblemType(
            slug: "name-taken", status: 409, meaning: "Somebody or something else has this name.",
            remedy: "Choose another name."),
        ProblemType(
            slug: "own-account", status: 409, meaning: "Admins cannot ban or demote themselves.",
            remedy: "Ask another admin."),
        ProblemType(
            slug: "changed-meanwhile", status: 409, meaning: "Somebody else changed the same at the same time.",
            remedy: "Read it again, and decide again."),
        ProblemType(
            slug: "unknown-source", status: 409, meaning: "Nobody here reads the stream that a dead letter came from.",
            remedy: "Drop it, or move it by hand."),
        ProblemType(
            slug: "reward-in-use", status: 409, meaning: "Active quests pay the reward that was to be retired.",
            remedy: "Retire those quests, or give them another reward."),
        ProblemType(
            slug: "insufficient-funds", status: 409,
            meaning: "The wallet holds less than was to be taken away: `balance`.",
            remedy: "Spend less."),
        ProblemType(
            slug: "wallet-full", status: 409, meaning: "The wallet cannot hold any more: `balance`.",
            remedy: "Spend something first."),
        ProblemType(
            slug: "ref-reused", status: 409, meaning: "The `ref` names another entry already.",
            remedy: "Choose another `ref`; to repeat an entry send exactly the same."),
        ProblemType(
            slug: "precondition-failed", status: 412, meaning: "It has changed since the version in `If-Match`.",
            remedy: "Read it again, and decide again."),
        ProblemType(
            slug: "too-large", status: 413, meaning: "The body has more than \(FrontContext.largestBody) bytes.",
            remedy: "Send less at once."),
        ProblemType(
            slug: "unsupported-media-type", status: 415, meaning: "The body is of a kind that is not read here.",
            remedy: "Send `application/json`."),
        ProblemType(
            slug: "invalid-values", status: 422, meaning: "The body is JSON, and values in it are not valid.",
            remedy: "Mend what `errors` lists, each by its JSON pointer."),
        ProblemType(
            slug: "precondition-required", status: 428, meaning: "A change must say which version it is meant for.",
            remedy: "Send `If-Match` with the `ETag` of the last answer."),
        ProblemType(
            slug: "too-many-attempts", status: 429, meaning: "A limit is used up.",
            remedy: "Wait for `Retry-After` seconds."),
        ProblemType(
            slug: "headers-too-large", status: 431,
            meaning: "The headers have more than 32 KiB, or one of them more than 16 KiB; the connection is closed.",
            remedy: "Send fewer or shorter ones."),
        ProblemType(
            slug: "internal", status: 500, meaning: "A fault of ours.",
            remedy: "Report the `request_id`; the log has the rest."),
        ProblemType(
            slug: "unavailable", status: 503, meaning: "Something behind the front is away or full.",
            remedy: "Send the same again after `Retry-After` seconds."),
    ]

    /// A sentence for a status.
    static func about(_ status: Int) -> String {
        let types = all.filter { $0.status == status }
        if types.count == 1, let type = types.first { return type.meaning }
        return types.map { "`\($0.slug)`: \($0.meaning)" }.joined(separator: " ")
    }
}
