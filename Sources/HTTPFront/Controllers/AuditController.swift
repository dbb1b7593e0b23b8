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
            let filter = try filter(request)
            switch try Paging.order(request) {
            case .newest:
                let paging = try Paging(request, list: "audit")
                let cursor = try paging.position { $0.first.flatMap { Int64($0) } }
                let rows = try await audit.list(filter, before: cursor, limit: paging.limit + 1)
                return .list(paging.answer(rows, list: "audit", json: \.json, key: { [String($0.id)] }))
            case .oldest:
                let paging = try Paging(request, list: "audit-oldest")
                let cursor = try paging.position(AuditLog.Position.init) ?? .start
                let rows = try await audit.follow(filter, after: cursor, limit: paging.limit)
                return .list(
                    paging.following(
                        rows, list: "audit-oldest", start: AuditLog.Position.start.parts, json: \.record.json,
                        key: \.position.parts))
            }
        }
    }

    private func filter(_ request: Request) throws -> AuditLog.Filter {
        var filter = AuditLog.Filter()
        if let text = try request.parameter("actor_id") {
            guard let id = Identifier(text) else { throw Problem.malformed("actor_id must be a UUID") }
            filter.actorID = id
        }
        filter.action = try text("action", request)
        filter.subject = try text("subject", request)
        filter.from = try request.moment("from")
        filter.before = try request.moment("before")
        return filter
    }

    private func text(_ name: String, _ request: Request) throws -> String? {
        guard let text = try request.parameter(name) else { return nil }
        guard (1...255).contains(text.unicodeScalars.count) else {
            throw Problem.malformed("\(name) must have 1 to 255 characters")
        }
        return text
    }
}

extension AuditLog.Position {
    /// As a cursor carries it.
    var parts: [String] { [String(microseconds), String(id)] }

    init?(parts: [String]) {
        guard parts.count == 2, let microseconds = Int64(parts[0]), let id = Int64(parts[1]) else { return nil }
        self.init(microseconds: microseconds, id: id)
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
