/// A value that a request carries beside its body.
struct ApiParameter: Sendable {
    enum Place: String, Sendable {
        case path
        case query
        case header
    }

    let name: String
    let place: Place
    let about: String
    let schema: JSON
    var isRequired = false

    static func query(_ name: String, _ about: String, _ schema: JSON) -> ApiParameter {
        ApiParameter(name: name, place: .query, about: about, schema: schema)
    }

    /// A part of a path, whose name alone says what it is.
    static func path(_ name: String) -> ApiParameter {
        let (about, schema): (String, JSON) =
            switch name {
            case "user_id": ("the person's id; with a token, `me` is one's own", person)
            case "name": ("percent-encoded", ApiSchema.text(1, 255))
            case "entry_id":
                ("the number of the entry", ["type": "integer", "minimum": .integer(1), "maximum": .integer(.max)])
            case "letter_id": ("the id of the entry in the dead-letter stream", ApiSchema.streamID)
            default:
                ("the id of the " + name.replacing("_id", with: "").replacing("_", with: " "), ApiSchema.uuid)
            }
        return ApiParameter(name: name, place: .path, about: about, schema: schema, isRequired: true)
    }

    private static let person: JSON = ["anyOf": [["const": "me"], ApiSchema.uuid]]

    static let limit = query(
        "limit", "rows per page",
        [
            "type": "integer", "minimum": .integer(1), "maximum": JSON(Paging.largest),
            "default": JSON(Paging.usual), "examples": [.integer(20)],
        ])
    static let cursor = query(
        "cursor", "`next_cursor` of the page before, unchanged",
        ["type": "string", "pattern": "^[A-Za-z0-9_-]{4,2048}$"])

    static let ifNoneMatch = ApiParameter(
        name: "If-None-Match", place: .header,
        about: "an entity tag from before; the answer is 304 if nothing has changed since",
        schema: ["type": "string", "examples": ["\"5f0c1d0f2b7a4c3e9d8b7a65\""]])
    static let lastEventID = ApiParameter(
        name: "Last-Event-ID", place: .header,
        about: "the id of the last snapshot that came: nothing is sent before there is another one",
        schema: ["type": "string", "examples": ["5f0c1d0f2b7a4c3e9d8b7a65"]])
    static let ifMatch = ApiParameter(
        name: "If-Match", place: .header,
        about: "the entity tag of the version that this changes; 412 if there is a newer one",
        schema: ["type": "string", "examples": ["\"5f0c1d0f2b7a4c3e9d8b7a65\""]], isRequired: true)
    static let idempotencyKey = ApiParameter(
        name: "Idempotency-Key", place: .header,
        about:
            "events without an id get theirs from this key and their place, so that sending again counts nothing twice",
        schema: [
            "type": "string", "pattern": "^[!-~]([ -~]{0,253}[!-~])?$", "examples": ["order-4711"],
        ])
}

/// A header of an answer.
struct ApiHeader: Sendable {
    let name: String
    let about: String
    let schema: JSON
    var isRequired = true

    static let requestID = ApiHeader(
        name: "X-Request-Id", about: "names this request in the logs; a usable one of the sender's is kept",
        schema: ["type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"])
    static let entityTag = ApiHeader(
        name: "ETag", about: "the version that was sent", schema: ["type": "string", "pattern": "^(W/)?\"[^\"]*\"$"])
    static let location = ApiHeader(
        name: "Location", about: "where what was made can be read",
        schema: ["type": "string", "pattern": "^/api/v1/"])
    static let retryAfter = ApiHeader(
        name: "Retry-After", about: "seconds to wait", schema: ["type": "integer", "minimum": .integer(1)])
    static let rateLimit = ApiHeader(
        name: "RateLimit",
        about: "attempts left, and seconds until there are all of them again: `\"sign-up-address\";r=9;t=3600`",
        schema: ["type": "string"], isRequired: false)
    static let rateLimitPolicy = ApiHeader(
        name: "RateLimit-Policy", about: "the limits, in attempts and seconds: `\"sign-up-address\";q=10;w=3600`",
        schema: ["type": "string"], isRequired: false)
    static let authenticate = ApiHeader(
        name: "WWW-Authenticate", about: "how to authenticate (RFC 6750)",
        schema: ["type": "string", "pattern": "^Bearer "])

    /// All of them, for the document's components.
    static let all = [requestID, entityTag, location, retryAfter, authenticate, rateLimit, rateLimitPolicy]
}
