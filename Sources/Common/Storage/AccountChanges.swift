import Domain
import Postgres

/// What is done to accounts that exist. Each change that voids tokens raises `tokens_valid_from` in its own transaction,
/// and writes its audit row there.
extension Users {
    /// Bans, lifts a ban, or changes a role; nil leaves as it is. Tokens given out before a ban or before another role are
    /// refused. A ban that is lifted leaves someone who has never signed in with a password as new as before. What is so
    /// already is not done again, and not written down.
    ///
    /// - Returns: the account as it is now, or nil if there is none.
    /// - Throws: `PostgresError`.
    public func change(
        _ id: Identifier, banned: Bool? = nil, role: User.Role? = nil, by actor: Actor
    ) async throws -> User? {
        try await postgres.transaction(operation: "change a user") { transaction in
            let found = try await transaction.query(
                """
                SELECT \(unsafe: Users.columns), first_sign_in_at IS NULL AND user_name IS NOT NULL
                FROM auth.users WHERE user_id = \(id) FOR UPDATE
                """
            ).first
            guard let found else { return nil }
            let before = try Users.user(found)
            var after = (status: before.status, role: role ?? before.role)
            switch banned {
            case true: after.status = .banned
            case false where before.status == .banned:
                after.status = try found.decode(8, as: Bool.self) ? .new : .known
            default: break
            }
            let entries = Users.entries(of: before, after, by: actor)
            guard !entries.isEmpty else { return before }
            let isVoiding = after.role != before.role || (after.status == .banned && before.status != .banned)
            let update: SQL = """
                UPDATE auth.users SET updated_at = now(), role = \(after.role.rawValue),
                    status = \(after.status.rawValue), tokens_valid_from = CASE WHEN \(isVoiding)
                        THEN auth.next_validity(tokens_valid_from) ELSE tokens_valid_from END
                WHERE user_id = \(id) RETURNING \(unsafe: Users.columns)
                """
            return try await transaction.commit(after: [update] + entries.map(\.insertion))
                .first?.first.map(Users.user)
        }
    }

    private static func entries(
        of before: User, _ after: (status: User.Status, role: User.Role), by actor: Actor
    ) -> [AuditEntry] {
        let subject = before.id.description
        func status(_ action: String) -> AuditEntry {
            AuditEntry(
                actor, action, subject: subject,
                details: [
                    "before": .number(Int64(before.status.rawValue)), "after": .number(Int64(after.status.rawValue)),
                ])
        }
        var entries: [AuditEntry] = []
        if after.status != before.status {
            entries.append(status(after.status == .banned ? "user.ban" : "user.unban"))
        }
        if after.role != before.role {
            entries.append(
                AuditEntry(
                    actor, "user.role", subject: subject,
                    details: ["before": .text(before.role.rawValue), "after": .text(after.role.rawValue)]))
        }
        return entries
    }

    /// Sets a new password and voids every token given out until now.
    ///
    /// - Parameters:
    ///   - old: the hash that was checked; if it is not the account's any more, nothing is done.
    ///   - action: for the audit log.
    /// - Returns: the account as it is now, or nil if nothing was done.
    /// - Throws: `PostgresError`.
    public func setPassword(
        _ hash: String, of id: Identifier, replacing old: String? = nil, by actor: Actor,
        action: String = "user.password"
    ) async throws -> User? {
        let entry = AuditEntry(actor, action, subject: "\(id)")
        return try await postgres.query(
            """
            WITH changed AS (
                UPDATE auth.users SET password_hash = \(hash), updated_at = now(),
                    tokens_valid_from = auth.next_validity(tokens_valid_from)
                WHERE user_id = \(id) AND user_name IS NOT NULL AND (\(old) IS NULL OR password_hash = \(old))
                RETURNING \(unsafe: Users.columns)
            ), audited AS (\(entry.insertion(per: "changed")))
            SELECT \(unsafe: Users.columns) FROM changed
            """, operation: "set a password"
        ).first.map(Users.user)
    }

    /// Stores the same password under another hash, unless the password was changed meanwhile. Tokens stay valid.
    ///
    /// - Throws: `PostgresError`.
    public func replaceHash(_ old: String, by new: String, of id: Identifier) async throws {
        _ = try await postgres.transaction(
            [
                "SELECT set_config('questline.same_password', 'on', true)",
                "UPDATE auth.users SET password_hash = \(new) WHERE user_id = \(id) AND password_hash = \(old)",
            ], operation: "replace a password hash")
    }
}
