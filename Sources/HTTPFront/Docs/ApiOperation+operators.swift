import HTTPTypes

/// What admins look at.
extension ApiOperation {
    static let operators = [
        ApiOperation(
            method: .get, path: "/events", summary: "The event table, the last recorded first", audience: .admin,
            status: 200, answer: .list(of: .event),
            query: paging + [
                .query("user_id", "of this person only", ApiSchema.uuid),
                .query("type", "of this type only", ApiSchema.eventType),
                .query("recorded_from", "recorded at this time or later", ApiSchema.time),
                .query("recorded_before", "recorded before this time", ApiSchema.time),
                .query(
                    "order", "oldest first: then `next_cursor` is always there, and follows the table",
                    ["enum": ["newest", "oldest"]]),
            ]),
        ApiOperation(
            method: .get, path: "/status", summary: "Groups, lag, outboxes, dead letters and durability",
            audience: .admin, status: 200, answer: .status),
        ApiOperation(
            method: .get, path: "/activity", summary: "Sign-ins, events and completions per second of the last minutes",
            audience: .admin, status: 200, answer: .activity, needsNobody: true),
        ApiOperation(
            method: .get, path: "/dead-letters", summary: "Entries that could not be applied, oldest first",
            audience: .admin, status: 200, answer: .list(of: .deadLetter),
            query: paging + [
                .query(
                    "error", "only those whose error contains this text", ["type": "string", "minLength": .integer(1)])
            ]),
        ApiOperation(
            method: .get, path: "/dead-letters/{letter_id}", summary: "Reads a dead letter", audience: .admin,
            status: 200, answer: .deadLetter),
        ApiOperation(
            method: .post, path: "/dead-letters/{letter_id}/retry",
            summary: "Sends an entry again, with fields corrected if asked for", audience: .admin, status: 200,
            answer: .retried, body: .corrections, bodyIsOptional: true, failures: [409]),
        ApiOperation(
            method: .delete, path: "/dead-letters/{letter_id}", summary: "Drops a dead letter for good",
            audience: .admin, status: 204),
    ]
}
