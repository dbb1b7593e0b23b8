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
            switch try Paging.order(request) {
            case .newest:
                let paging = try Paging(request, list: "events")
                let page = try await events.list(
                    filter, after: try paging.position(ListPosition.init), limit: paging.limit + 1)
                return .list(
                    paging.answer(
                        page.rows, list: "events", json: \.event.json, key: \.position.parts,
                        otherwise: page.lookedThrough?.parts))
            case .oldest:
                let paging = try Paging(request, list: "events-oldest")
                let cursor = try paging.position(ListPosition.init) ?? .start
                let page = try await events.follow(filter, after: cursor, limit: paging.limit)
                return .list(
                    paging.following(
                        page.rows, list: "events-oldest", start: ListPosition.start.parts, json: \.event.json,
                        key: \.position.parts, otherwise: page.lookedThrough?.parts))
            }
        }
    }

    private func filter(_ request: Request) throws -> EventLog.Filter {
        var filter = EventLog.Filter()
        if let text = try request.parameter("user_id") {
            guard let id = Identifier(text) else { throw Problem.malformed("user_id must be a UUID") }
            filter.userID = id
        }
        if let text = try request.parameter("type") {
            guard let type = EventType(text) else { throw Problem.malformed("type is not an event type") }
            filter.type = type.name
        }
        filter.recordedFrom = try request.moment("recorded_from")
        filter.recordedBefore = try request.moment("recorded_before")
        return filter
    }
}
