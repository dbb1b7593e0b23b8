import Identity

/// Signing in and out, and ingest.
extension ApiSchema {
    static let sessions = [credentials, credentialsOfSession, session, token, tokenError, signIn, accepted]

    static let credentials = object(
        "Credentials", required: ["username", "password"],
        [
            ("grant_type", about("may be left out", ["enum": ["password", ""], "examples": ["password"]])),
            ("username", text(1, 255, example: "user")), ("password", text(1, 128, example: "password")),
        ])

    static let token = row(
        "Token",
        [
            (
                "access_token",
                about("a JWT, to be sent as `Authorization: Bearer …`", example("eyJhbGciOiJIUzI1NiJ9.e30.x", string))
            ),
            ("token_type", ["const": "bearer"]),
            ("expires_in", about("seconds", example(.integer(Tokens.lifetime), count))),
        ])

    static let credentialsOfSession = object(
        "SessionCredentials", required: ["user_name", "password"],
        [("user_name", example("user", string)), ("password", example("password", string))])

    static let session = row(
        "Session",
        [("user", nullable(user.reference)), ("expires_at", nullable(time))])

    static let tokenError = row(
        "TokenError",
        [
            ("error", ["enum": .array(TokenError.Code.allCases.map { .string($0.rawValue) })]),
            ("error_description", example("wrong name or password", string)),
        ])

    static let signIn = object(
        "SignIn", required: ["user_id"],
        [
            ("user_id", about("your own id of the person; nobody has to sign up first", uuid)),
            (
                "type",
                about(
                    "`UserSignIn` if left out; never `QuestCompleted`",
                    [
                        "type": ["string", "null"], "pattern": "^[A-Za-z][A-Za-z0-9]{0,63}$",
                        "not": ["const": "QuestCompleted"], "examples": ["UserSignIn"],
                    ])
            ),
            (
                "event_id",
                about(
                    "any version but 8; after a 503 or no answer send the same again, and it counts once",
                    [
                        "type": ["string", "null"], "format": "uuid",
                        "pattern": "^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-79A-Fa-f]",
                        "examples": ["01a2060e-fa38-74ec-bb5d-6d855c67f6f4"],
                    ])
            ),
            (
                "occurred_at",
                about(
                    "now if left out; at most \(SignInBatch.clockTolerance / 60) minutes ahead",
                    example("2026-11-23T08:30:00.125Z", nullable(time)))
            ),
        ], closed: true)

    static let signIns = ApiSchema(
        json: [
            "anyOf": [
                signIn.reference,
                [
                    "type": "array", "items": signIn.reference, "minItems": .integer(1),
                    "maxItems": JSON(SignInBatch.largest),
                ],
            ]
        ])

    static let accepted = row(
        "Accepted", [("accepted", count), ("event_ids", about("in the order of the request", array(of: uuid)))])
}
