import Domain
import Postgres

/// An account.
public struct User: Sendable, Equatable {
    public enum Status: Int16, Sendable {
        /// Has never signed in with a password.
        case new = 0
        case known = 1
        case banned = 2
    }

    public enum Role: String, Sendable, Codable {
        case player
        case admin
    }

    public let id: Identifier
    /// Nil for someone who is known by ingested events only.
    public let name: String?
    public let status: Status
    public let role: Role
    public let gold: Int64
    public let diamond: Int64
    /// Tokens issued before this moment are refused.
    public let tokensValidFrom: Timestamp
    public let createdAt: Timestamp
}

/// The accounts.
public struct Users: Sendable {
    let postgres: PostgresClient

    public init(_ postgres: PostgresClient) {
        self.postgres = postgres
    }

    /// - Throws: `PostgresError`.
    public func user(_ id: Identifier) async throws -> User? {
        try await postgres.query(
            "SELECT \(unsafe: Users.columns) FROM auth.users WHERE user_id = \(id)", operation: "read a user"
        ).first.map(Users.user)
    }

    /// The account and the password hash behind a name.
    ///
    /// - Throws: `PostgresError`.
    public func credentials(named name: String) async throws -> (user: User, passwordHash: String)? {
        try await postgres.query(
            "SELECT \(unsafe: Users.columns), password_hash FROM auth.users WHERE user_name = \(name)",
            operation: "read credentials"
        ).first.map { (user: try Users.user($0), passwordHash: try $0.decode(8)) }
    }

    /// - Returns: nil if the name is taken.
    /// - Throws: `PostgresError`.
    public func create(
        id: Identifier, name: String, passwordHash: String, role: User.Role = .player
    ) async throws -> User? {
        try await postgres.query(
            """
            INSERT INTO auth.users (user_id, user_name, password_hash, role)
            VALUES (\(id), \(name), \(passwordHash), \(role.rawValue))
            ON CONFLICT (user_name) DO NOTHING RETURNING \(unsafe: Users.columns)
            """, operation: "create a user"
        ).first.map(Users.user)
    }

    /// Makes a new account known and keeps its first sign-in in the outbox, in one transaction: of many callers at the
    /// same time exactly one gets the row.
    ///
    /// - Returns: the outbox row of the event, or nil if the account was not new.
    /// - Throws: `PostgresError`; after one whose `outcomeIsUnknown`, the first sign-in may be in the outbox.
    public func recordFirstSignIn(_ event: SignInEvent) async throws -> Int64? {
        try await postgres.transaction(operation: "record a first sign-in") { transaction in
            let won = try await transaction.query(
                """
                UPDATE auth.users SET status = 1, first_sign_in_at = now(), updated_at = now()
                WHERE user_id = \(event.userID) AND status = 0 RETURNING user_id
                """)
            guard !won.isEmpty else {
                try await transaction.rollback()
                return nil
            }
            return try await transaction.commit(after: [SignInOutbox.insertion(of: [event])])
                .first?.first?.decode(0)
        }
    }

    /// Sets a new password and refuses every token issued until now.
    ///
    /// - Throws: `PostgresError`.
    public func setPassword(_ hash: String, of id: Identifier) async throws {
        _ = try await postgres.query(
            """
            UPDATE auth.users SET password_hash = \(hash), tokens_valid_from = now(), updated_at = now()
            WHERE user_id = \(id) AND user_name IS NOT NULL
            """, operation: "set a password")
    }

    /// Bans, lifts a ban, or changes a role; nil leaves as it is. Tokens issued before a ban or before another role are
    /// refused. A ban that is lifted leaves someone who has never signed in with a password as new as before.
    ///
    /// - Returns: the account as it is now, or nil if there is none.
    /// - Throws: `PostgresError`.
    public func change(_ id: Identifier, banned: Bool?, role: User.Role?) async throws -> User? {
        try await postgres.query(
            """
            UPDATE auth.users SET updated_at = now(), role = coalesce(\(role?.rawValue), role),
                tokens_valid_from = CASE WHEN \(banned) IS TRUE OR role <> coalesce(\(role?.rawValue), role)
                    THEN now() ELSE tokens_valid_from END,
                status = CASE
                    WHEN \(banned) IS NULL THEN status
                    WHEN \(banned) THEN 2
                    WHEN status <> 2 THEN status
                    WHEN first_sign_in_at IS NULL AND user_name IS NOT NULL THEN 0
                    ELSE 1 END
            WHERE user_id = \(id) RETURNING \(unsafe: Users.columns)
            """, operation: "change a user"
        ).first.map(Users.user)
    }

    /// Accounts by id.
    ///
    /// - Parameter cursor: the id of the last account of the page before.
    /// - Throws: `PostgresError`.
    public func list(after cursor: Identifier? = nil, limit: Int) async throws -> [User] {
        // A condition that is always true when there is no cursor would keep a plan for any value from using the index.
        let start: SQL
        if let cursor { start = "WHERE user_id > \(cursor)" } else { start = "" }
        return try await postgres.query(
            "SELECT \(unsafe: Users.columns) FROM auth.users \(start) ORDER BY user_id LIMIT \(limit)",
            operation: "list users"
        ).map(Users.user)
    }

    /// How many accounts there are: exactly up to about a million, beyond that as the server estimates, for counting reads
    /// them all. Whoever lists pages asks once.
    ///
    /// - Throws: `PostgresError`.
    public func count() async throws -> Int64 {
        try await postgres.query(
            """
            SELECT CASE WHEN reltuples > 1000000 THEN reltuples::bigint ELSE (SELECT count(*) FROM auth.users) END
            FROM pg_class WHERE oid = 'auth.users'::regclass
            """, operation: "count users"
        ).first?.decode(0) ?? 0
    }

    private static let columns = "user_id, user_name, status, role, gold, diamond, tokens_valid_from, created_at"

    private static func user(_ row: PostgresRow) throws -> User {
        User(
            id: try row.decode(0), name: try row.decodeIfPresent(1),
            status: User.Status(rawValue: try row.decode(2)) ?? .banned,
            role: User.Role(rawValue: try row.decode(3)) ?? .player, gold: try row.decode(4),
            diamond: try row.decode(5), tokensValidFrom: try row.decode(6), createdAt: try row.decode(7))
    }
}
