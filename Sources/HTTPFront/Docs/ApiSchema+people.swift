import Identity

/// Accounts.
extension ApiSchema {
    static let accounts = [user, newUser, userChange, passwordChange]

    static let user = row(
        "User",
        [
            ("user_id", uuid),
            ("user_name", about("null for people known by id only", example("ann", nullable(string)))),
            ("status", about("0 new, 1 known, 2 banned", ["enum": [.integer(0), .integer(1), .integer(2)]])),
            ("role", role), ("gold", count), ("diamond", count),
        ])

    /// No control characters, no blanks at either end; the same as `Credentials.fault(inName:)`.
    static let userName = text(
        Credentials.nameLength.lowerBound, Credentials.nameLength.upperBound,
        pattern: "^[^\\s\(control)]([^\(control)\\u2028\\u2029]*[^\\s\(control)])?$", example: "ann")
    static let password = text(
        Credentials.passwordLength.lowerBound, Credentials.passwordLength.upperBound, pattern: "^[^\\u0000]*$",
        example: "correct horse battery")
    private static let control = "\\u0000-\\u001f\\u007f-\\u009f"

    static let newUser = object(
        "NewUser", required: ["user_name", "password"], [("user_name", userName), ("password", password)])

    static let userChange = object(
        "UserChange", required: [],
        [
            ("status", about("2 bans, 1 lifts the ban", ["enum": [.integer(2), .integer(1), .null]])),
            ("role", nullable(role)),
        ], closed: true)

    static let passwordChange = object(
        "PasswordChange", required: ["current_password", "new_password"],
        [
            ("current_password", example("correct horse battery", string)),
            ("new_password", example("another horse battery", password)),
        ])
}
