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
            let paging = try Paging(request, list: "events")
            let rows = try await events.list(
                try filter(request), after: try paging.position(position), limit: paging.limit + 1)
            return .list(
                paging.answer(
                    rows, list: "events", json: \.event.json,
                    key: { [String($0.cursor.microseconds), $0.cursor.id.description] }))
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
        filter.recordedFrom = try moment("recorded_from", request)
        filter.recordedBefore = try moment("recorded_before", request)
        return filter
    }

    private func moment(_ name: String, _ request: Request) throws -> Timestamp? {
        guard let text = try request.parameter(name) else { return nil }
        guard let moment = Timestamp(rfc3339: text) else {
            throw Problem.malformed("\(name) must be an RFC 3339 time; a + in a query is written %2B")
        }
        return moment
    }

    private func position(_ parts: [String]) -> (microseconds: Int64, id: Identifier)? {
        let possible = (Timestamp.range.lowerBound * 1_000)...(Timestamp.range.upperBound * 1_000)
        guard parts.count == 2, let microseconds = Int64(parts[0]), possible.contains(microseconds),
            let id = Identifier(parts[1])
        else { return nil }
        return (microseconds: microseconds, id: id)
    }
}
