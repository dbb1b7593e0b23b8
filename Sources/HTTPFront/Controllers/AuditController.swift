import Domain
import Hummingbird
import Storage

/// Who did what, for admins.
struct AuditController: Sendable {
    let audit: AuditLog
    let gate: Gate

    func add(to routes: inout Routes) {
        routes.get("audit") { request, _ in
            _ = try await gate.admin(request)
            let paging = try Paging(request, list: "audit")
            let cursor = try paging.position { $0.first.flatMap { Int64($0) } }
            let rows = try await audit.list(try filter(request), before: cursor, limit: paging.limit + 1)
            return .list(paging.answer(rows, list: "audit", json: \.json, key: { [String($0.id)] }))
        }
    }

    private func filter(_ request: Request) throws -> AuditLog.Filter {
        let query = request.uri.queryParameters
        var filter = AuditLog.Filter()
        if let text = query["actor_id"] {
            guard let id = Identifier(String(text)) else { throw Problem.malformed("actor_id must be a UUID") }
            filter.actorID = id
        }
        filter.action = try text("action", query["action"])
        filter.subject = try text("subject", query["subject"])
        filter.from = try moment("from", query["from"])
        filter.before = try moment("before", query["before"])
        return filter
    }

    private func text(_ name: String, _ text: Substring?) throws -> String? {
        guard let text else { return nil }
        guard (1...255).contains(text.unicodeScalars.count), !text.unicodeScalars.contains("\u{0}") else {
            throw Problem.malformed("\(name) must have 1 to 255 characters, none of them NUL")
        }
        return String(text)
    }

    private func moment(_ name: String, _ text: Substring?) throws -> Timestamp? {
        guard let text else { return nil }
        guard let moment = Timestamp(rfc3339: text) else {
            throw Problem.malformed("\(name) must be an RFC 3339 time")
        }
        return moment
    }
}

extension AuditRecord {
    var json: JSON {
        [
            "audit_id": .integer(id), "actor_id": JSON(actorID), "actor": .string(actor), "action": .string(action),
            "subject": .string(subject), "details": (try? JSONParser.parse(Array(details.utf8))) ?? .object([]),
            "request_id": JSON(requestID), "created_at": JSON(createdAt),
        ]
    }
}
