/// What went wrong (RFC 9457).
extension ApiSchema {
    static let problem = object(
        "Problem", required: ["type", "title", "status", "request_id"],
        [
            ("type", about("stable: a client may decide by it", ["enum": types(ProblemType.all)])),
            ("title", about("goes with the type", example("There is nothing here", string))),
            ("status", ["type": "integer", "minimum": .integer(400), "maximum": .integer(599)]),
            ("detail", about("what is wrong in this case", example("There is no such quest", string))),
            (
                "errors",
                about(
                    "with `invalid-values`: each value that is not valid",
                    array(
                        of: members([
                            ("pointer", about("RFC 6901, into the body", example("/user_name", string))),
                            ("detail", example("is missing", string)),
                        ])))
            ),
            ("balance", about("with `insufficient-funds` and `wallet-full`: what the wallet holds", integer)),
            ("request_id", about("the same as X-Request-Id", example("0b6c1f3f9a52e5d7", string))),
        ])

    /// A problem of one status, with the types that come with it.
    static func problem(_ status: Int) -> ApiSchema {
        let types = types(ProblemType.all.filter { $0.status == status })
        return ApiSchema(
            json: [
                "allOf": [
                    problem.reference,
                    [
                        "required": status == 422 ? ["errors"] : [],
                        "properties": ["type": ["enum": types], "status": ["const": JSON(status)]],
                    ],
                ]
            ])
    }

    private static func types(_ types: [ProblemType]) -> JSON {
        .array(types.map { .string($0.type) })
    }
}
