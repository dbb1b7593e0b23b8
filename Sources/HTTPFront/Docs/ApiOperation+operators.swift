import HTTPTypes

/// What admins look at.
extension ApiOperation {
    static let operators = [
        ApiOperation(
            method: .get, path: "/events", summary: "The event table, the last recorded first", audience: .admin,
            status: 200, answer: .list(of: .event),
            query: paging + [
                (name: "user_id", about: "of this person only"), (name: "type", about: "of this type only"),
                (name: "recorded_from", about: "recorded at this RFC 3339 time or later"),
                (name: "recorded_before", about: "recorded before this RFC 3339 time"),
                (
                    name: "order",
                    about: "newest (usual) or oldest: then next_cursor is always there, and follows the table"
                ),
            ]),
        ApiOperation(
            method: .get, path: "/status", summary: "Groups, lag, outboxes, dead letters and durability",
            audience: .admin, status: 200, answer: .status),
        ApiOperation(
            method: .get, path: "/dead-letters", summary: "Entries that could not be applied, oldest first",
            audience: .admin, status: 200, answer: .list(of: .deadLetter),
            query: paging + [(name: "error", about: "only those whose error contains this text")]),
        ApiOperation(
            method: .get, path: "/dead-letters/{letter_id}", summary: "Reads a dead letter", audience: .admin,
            status: 200, answer: .deadLetter),
        ApiOperation(
            method: .post, path: "/dead-letters/{letter_id}/retry",
            summary: "Sends an entry again, with fields corrected if asked for", audience: .admin, status: 200,
            answer: .retried, body: .corrections),
        ApiOperation(
            method: .delete, path: "/dead-letters/{letter_id}", summary: "Drops a dead letter for good",
            audience: .admin, status: 204),
    ]
}
