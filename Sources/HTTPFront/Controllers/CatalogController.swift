import Catalog
import Domain
import Hummingbird

/// Reading quests and rewards; everybody may.
struct CatalogController: Sendable {
    let catalog: CatalogQueries

    func add(to routes: inout Routes) {
        routes.get("quests") { request, _ in
            let paging = try Paging(request, list: "quests")
            let question = CatalogQuestion.quests(
                after: try paging.position(\.first).map { ExactText($0) }, limit: paging.limit,
                eventType: try eventType(request), withRetired: try withRetired(request))
            return try await answer(question, request, "There are no quests")
        }
        routes.get("quests/:quest_id") { request, context in
            guard let id = context.parameters.get("quest_id").flatMap({ Identifier($0) }) else {
                throw Problem.notFound("This is not the id of a quest")
            }
            return try await answer(.quest(id), request, "There is no such quest")
        }
        routes.get("quests/name/:name") { request, context in
            guard let name = context.parameters.get("name").flatMap({ Percent.decode($0.utf8) }),
                CatalogRules.fault(inName: name) == nil
            else { throw Problem.notFound("This cannot be the name of a quest") }
            return try await answer(.questNamed(ExactText(name)), request, "There is no quest of this name")
        }
        routes.get("rewards") { request, _ in
            let paging = try Paging(request, list: "rewards")
            let question = CatalogQuestion.rewards(
                after: try paging.position(\.first).map { ExactText($0) }, limit: paging.limit,
                withRetired: try withRetired(request))
            return try await answer(question, request, "There are no rewards")
        }
        routes.get("rewards/:reward_id") { request, context in
            guard let id = context.parameters.get("reward_id").flatMap({ Identifier($0) }) else {
                throw Problem.notFound("This is not the id of a reward")
            }
            return try await answer(.reward(id), request, "There is no such reward")
        }
    }

    private func answer(_ question: CatalogQuestion, _ request: Request, _ missing: String) async throws -> Response {
        guard let document = try await catalog.answer(question) else { throw Problem.notFound(missing) }
        return .document(document, request)
    }

    private func withRetired(_ request: Request) throws -> Bool {
        switch try request.parameter("include") {
        case nil: return false
        case "retired": return true
        default: throw Problem.malformed("include must be retired, or be left out")
        }
    }

    private func eventType(_ request: Request) throws -> ExactText? {
        try request.parameter("event_type").map { text in
            guard let type = EventType(text) else {
                throw Problem.malformed("event_type must be a letter and up to 63 letters or digits")
            }
            return ExactText(type.name)
        }
    }

    /// How pages look to clients.
    static let render = CatalogQueries.Render(
        quests: { page("quests", $0, $1) }, rewards: { page("rewards", $0, $1) })

    private static func page<Item: CatalogItem>(
        _ list: String, _ items: [Item], _ hasMore: Bool
    ) -> CatalogDocument {
        let last = hasMore ? items.last : nil
        let next = JSON(last.map { Cursor(list: list, parts: [$0.name]).text })
        let data = items.map { String(decoding: $0.document.bytes, as: UTF8.self) }.joined(separator: ",")
        return CatalogDocument("{\"data\":[\(data)],\"next_cursor\":\(next.text)}")
    }
}
