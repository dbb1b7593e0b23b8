import Postgres

/// The connections that all processes together may open, against what Postgres allows.
///
/// A process counts with its whole pool, however many of its connections are open now, for it may open the others at any
/// moment; every other session counts as one. Processes of all installations on the server are seen. A process that has no
/// connection at all (Postgres was just started) is not seen until it makes one.
public struct ConnectionBudget: Equatable, Sendable {
    /// One of the bounds that a new connection meets.
    public struct Share: Equatable, Sendable {
        /// In words, as `max_connections, without 3 that are reserved`.
        public let limit: String
        public let allowed: Int
        public let processes: Int
        /// Connections that those processes may open.
        public let pools: Int
        /// Connections of anybody else now.
        public let others: Int

        /// Whether a connection may be refused once all pools are full.
        public var isExceeded: Bool { pools + others > allowed }
    }

    struct Session: Equatable, Sendable {
        var application: String
        var isOwnRole = true
        var isOwnDatabase = true
        var count = 1
    }

    struct Limits: Equatable, Sendable {
        var server: Int
        /// Kept for superusers and the like, and so not to be had.
        var reserved = 0
        var role: Int?
        var database: Int?
    }

    /// The server's, then the role's and the database's if these have a limit.
    public let shares: [Share]

    init(_ limits: Limits, sessions: [Session], own: FleetMember?) {
        func share(_ limit: String, _ allowed: Int, _ isMeant: (Session) -> Bool) -> Share {
            var open: [FleetMember: Int] = own.map { [$0: 0] } ?? [:]
            var others = 0
            for session in sessions where isMeant(session) {
                if let member = FleetMember(applicationName: session.application) {
                    open[member, default: 0] += session.count
                } else {
                    others += session.count
                }
            }
            return Share(
                limit: limit, allowed: allowed, processes: open.count,
                pools: open.reduce(0) { $0 + max($1.key.pool, $1.value) }, others: others)
        }
        let reserved = limits.reserved > 0 ? ", without \(limits.reserved) that are reserved" : ""
        var shares = [share("max_connections\(reserved)", limits.server - limits.reserved) { _ in true }]
        if let role = limits.role { shares.append(share("the role's CONNECTION LIMIT", role, \.isOwnRole)) }
        if let database = limits.database {
            shares.append(share("the database's CONNECTION LIMIT", database, \.isOwnDatabase))
        }
        self.shares = shares
    }

    /// What may run out once all pools are full, a sentence each; empty is good.
    public var warnings: [String] {
        shares.filter(\.isExceeded).map { share in
            let processes = share.processes == 1 ? "1 process" : "\(share.processes) processes"
            return "\(processes) of Questline may open \(share.pools) connections to Postgres and others hold "
                + "\(share.others), but \(share.allowed) are allowed (\(share.limit)): lower QUESTLINE_POOL, run fewer "
                + "processes, or raise the limit"
        }
    }

    /// Why a process cannot work here at all, even alone; nil if it can.
    public func refusal(of own: FleetMember) -> String? {
        shares.first { own.pool > $0.allowed }.map { share in
            "does not fit: this process may open \(own.pool) connections, and Postgres allows \(share.allowed) in all "
                + "(\(share.limit))"
        }
    }

    /// - Parameter own: the process that asks, which counts whether or not it is seen.
    /// - Throws: `PostgresError`.
    public static func read(_ postgres: PostgresClient, own: FleetMember? = nil) async throws -> ConnectionBudget {
        let answers = try await postgres.transaction(
            [
                """
                SELECT current_setting('max_connections')::integer,
                    current_setting('superuser_reserved_connections')::integer
                        + coalesce(current_setting('reserved_connections', true)::integer, 0),
                    (SELECT rolconnlimit FROM pg_roles WHERE rolname = session_user AND rolconnlimit >= 0 AND NOT rolsuper),
                    (SELECT datconnlimit FROM pg_database WHERE datname = current_database() AND datconnlimit >= 0
                        AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = session_user))
                """,
                // What of a session may be hidden from our role is not asked for, but for its kind, which is then unknown.
                """
                SELECT coalesce(application_name, ''), usename IS NOT DISTINCT FROM session_user,
                    datname IS NOT DISTINCT FROM current_database(), count(*)
                FROM pg_stat_activity
                WHERE usesysid IS NOT NULL AND datid IS NOT NULL AND (backend_type = 'client backend' OR backend_type IS NULL)
                GROUP BY 1, 2, 3
                """,
            ], operation: "count connections")
        guard let row = answers.first?.first else {
            throw PostgresError(.decoding, operation: "count connections", message: "no limits")
        }
        let limits = Limits(
            server: Int(try row.decode(0, as: Int32.self)), reserved: Int(try row.decode(1, as: Int32.self)),
            role: try row.decodeIfPresent(2, as: Int32.self).map(Int.init),
            database: try row.decodeIfPresent(3, as: Int32.self).map(Int.init))
        let sessions = try answers[1].map { row in
            Session(
                application: try row.decode(0), isOwnRole: try row.decode(1), isOwnDatabase: try row.decode(2),
                count: Int(try row.decode(3, as: Int64.self)))
        }
        return ConnectionBudget(limits, sessions: sessions, own: own)
    }
}
