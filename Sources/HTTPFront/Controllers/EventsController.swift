import Domain
import Hummingbird
import Storage

/// The event table, for admins.
struct EventsController: Sendable {
    let events: EventLog
    let gate: Gate

    func add(to routes: inout Routes) {
        routes.get("events") { request, _ in
            _ = try await gate.admin(request)
            let filter = try filter(request)
            switch request.uri.queryParameters["order"] {
            case nil, "newest":
                let paging = try Paging(request, list: "events")
                let page = try await events.list(
                    filter, after: try paging.position(ListPosition.init), limit: paging.limit + 1)
                return .list(
                    paging.answer(
                        page.rows, list: "events", json: \.event.json, key: \.position.parts,
                        otherwise: page.lookedThrough?.parts))
            case "oldest":
                let paging = try Paging(request, list: "events-oldest")
                let cursor = try paging.position(ListPosition.init) ?? .start
                let page = try await events.follow(filter, after: cursor, limit: paging.limit)
                return .list(
                    paging.following(
                        page.rows, list: "events-oldest", start: ListPosition.start.parts, json: \.event.json,
                        key: \.position.parts, otherwise: page.lookedThrough?.parts))
            default: throw Problem.malformed("order must be newest or oldest")
            }
        }
    }

    private func filter(_ request: Request) throws -> EventLog.Filter {
        let query = request.uri.queryParameters
        var filter = EventLog.Filter()
        if let text = query["user_id"] {
            guard let id = Identifier(String(text)) else { throw Problem.malformed("user_id must be a UUID") }
            filter.userID = id
        }
        if let text = query["type"] {
            guard let type = EventType(String(text)) else { throw Problem.malformed("type is not an event type") }
            filter.type = type.name
        }
        filter.recordedFrom = try moment("recorded_from", query["recorded_from"])
        filter.recordedBefore = try moment("recorded_before", query["recorded_before"])
        return filter
    }

    private func moment(_ name: String, _ text: Substring?) throws -> Timestamp? {
        guard let text else { return nil }
        guard let moment = Timestamp(rfc3339: text) else {
            throw Problem.malformed("\(name) must be an RFC 3339 time")
        }
        return moment
    }
}
