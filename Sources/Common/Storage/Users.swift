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
    /// Rises whenever the tokens of this person become void; a token carries the value under which it was given out.
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

    /// - Parameter actor: whoever made the account for somebody else, for the audit log; nil for a sign-up.
    /// - Returns: nil if the name is taken.
    /// - Throws: `PostgresError`.
    public func create(
        id: Identifier, name: String, passwordHash: String, role: User.Role = .player, by actor: Actor? = nil
    ) async throws -> User? {
        let insertion: SQL = """
            INSERT INTO auth.users (user_id, user_name, password_hash, role)
            VALUES (\(id), \(name), \(passwordHash), \(role.rawValue))
            ON CONFLICT (user_name) DO NOTHING RETURNING \(unsafe: Users.columns)
            """
        guard let actor else {
            return try await postgres.query(insertion, operation: "create a user").first.map(Users.user)
        }
        let entry = AuditEntry(
            actor, "user.create", subject: "\(id)", details: ["user_name": .text(name), "role": .text(role.rawValue)])
        return try await postgres.query(
            """
            WITH created AS (\(insertion)), audited AS (\(entry.insertion(per: "created")))
            SELECT \(unsafe: Users.columns) FROM created
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

    /// Accounts by id.
    ///
    /// - Parameters:
    ///   - prefix: only those whose names begin with it.
    ///   - cursor: the id of the last account of the page before.
    /// - Throws: `PostgresError`.
    public func list(
        named prefix: String? = nil, after cursor: Identifier? = nil, limit: Int
    ) async throws -> [User] {
        // A condition that is always true when there is no cursor would keep a plan for any value from using the index.
        var conditions: [SQL] = prefix.map { ["user_name ^@ \($0)"] } ?? ["true"]
        if let cursor { conditions.append("user_id > \(cursor)") }
        return try await postgres.query(
            """
            SELECT \(unsafe: Users.columns) FROM auth.users WHERE \(SQL(joining: conditions, by: " AND "))
            ORDER BY user_id LIMIT \(limit)
            """, operation: "list users"
        ).map(Users.user)
    }

    /// How many accounts there are: exactly up to about a million, beyond that as the server estimates, for counting reads
    /// them all. Whoever lists pages asks once.
    ///
    /// - Parameter prefix: only those whose names begin with it, which are always counted.
    /// - Throws: `PostgresError`.
    public func count(named prefix: String? = nil) async throws -> Int64 {
        let statement: SQL
        if let prefix {
            statement = "SELECT count(*) FROM auth.users WHERE user_name ^@ \(prefix)"
        } else {
            statement = """
                SELECT CASE WHEN reltuples > 1000000 THEN reltuples::bigint ELSE (SELECT count(*) FROM auth.users) END
                FROM pg_class WHERE oid = 'auth.users'::regclass
                """
        }
        return try await postgres.query(statement, operation: "count users").first?.decode(0) ?? 0
    }

    static let columns = "user_id, user_name, status, role, gold, diamond, tokens_valid_from, created_at"

    static func user(_ row: PostgresRow) throws -> User {
        User(
            id: try row.decode(0), name: try row.decodeIfPresent(1),
            status: User.Status(rawValue: try row.decode(2)) ?? .banned,
            role: User.Role(rawValue: try row.decode(3)) ?? .player, gold: try row.decode(4),
            diamond: try row.decode(5), tokensValidFrom: try row.decode(6), createdAt: try row.decode(7))
    }
}
