import Domain
import Postgres

/// Who did something, for the audit log.
public struct Actor: Sendable, Hashable {
    /// The account or the API key; nil for the command line.
    public let id: Identifier?
    /// How they are called; nil for an account, whose name is looked up when the row is written.
    public let name: String?
    public let requestID: String?

    private init(id: Identifier?, name: String?, requestID: String?) {
        self.id = id
        self.name = name
        self.requestID = requestID
    }

    public static func person(_ id: Identifier, requestID: String?) -> Actor {
        Actor(id: id, name: nil, requestID: requestID)
    }

    public static func key(_ id: Identifier, name: String, requestID: String?) -> Actor {
        Actor(id: id, name: "key \(name)", requestID: requestID)
    }

    /// Whoever may run `questline-worker`.
    public static let commandLine = Actor(id: nil, name: "questline-worker", requestID: nil)
}

/// One thing that somebody did: an action (`user.ban`), what it was done to, and what is worth knowing about it.
public struct AuditEntry: Sendable {
    public let actor: Actor
    /// The kind of subject, a dot and a verb.
    public let action: String
    /// An id, or a name where there is no id.
    public let subject: String
    /// A JSON object; never a secret.
    public let details: String

    public init(_ actor: Actor, _ action: String, subject: String, details: String = "{}") {
        self.actor = actor
        self.action = action
        self.subject = subject
        self.details = details
    }

    /// The statement that writes the row, for the transaction of the action itself.
    public var insertion: SQL { insertion(per: nil) }

    /// The statement that writes the row once for each row of `source`, a part of the same WITH query: nothing is written
    /// about an action that did not happen.
    public func insertion(per source: String) -> SQL { insertion(per: .some(source)) }

    private func insertion(per source: String?) -> SQL {
        let from = source.map { " FROM \($0)" } ?? ""
        return """
            INSERT INTO auth.audit_log (actor_id, actor, action, subject, details, request_id)
            SELECT \(actor.id), coalesce(\(actor.name), (SELECT user_name FROM auth.users WHERE user_id = \(actor.id)),
                \(actor.id)::text, ''), \(action), \(subject), \(details)::jsonb, \(actor.requestID)\(unsafe: from)
            """
    }
}
