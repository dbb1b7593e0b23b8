import Catalog
import Domain
import Hummingbird

/// Reading quests and rewards; everybody may.
struct CatalogController: Sendable {
    let catalog: CatalogQueries

    func add(to routes: inout Routes) {
        routes.get("quests") { request, _ in
            let paging = try Paging(request, list: "quests")
            let page = try await catalog.quests(after: try paging.position(\.first), limit: paging.limit + 1)
            return .tagged(
                paging.answer(page.items, list: "quests", json: \.json, key: { [$0.name] }), request)
        }
        routes.get("quests/:quest_id") { request, context in
            guard let id = context.parameters.get("quest_id").flatMap({ Identifier($0) }),
                let quest = try await catalog.quest(id)
            else { throw Problem.notFound("There is no such quest") }
            return .tagged(quest.json, request)
        }
        routes.get("quests/name/:name") { request, context in
            guard let name = context.parameters.get("name").flatMap({ Percent.decode($0.utf8) }),
                !name.unicodeScalars.contains("\u{0}"), name.unicodeScalars.count <= 255,
                let quest = try await catalog.quest(named: name)
            else { throw Problem.notFound("There is no quest of this name") }
            return .tagged(quest.json, request)
        }
        routes.get("rewards") { request, _ in
            let paging = try Paging(request, list: "rewards")
            let page = try await catalog.rewards(after: try paging.position(\.first), limit: paging.limit + 1)
            return .tagged(
                paging.answer(page.items, list: "rewards", json: \.json, key: { [$0.name] }), request)
        }
        routes.get("rewards/:reward_id") { request, context in
            guard let id = context.parameters.get("reward_id").flatMap({ Identifier($0) }),
                let reward = try await catalog.reward(id)
            else { throw Problem.notFound("There is no such reward") }
            return .tagged(reward.json, request)
        }
    }
}
