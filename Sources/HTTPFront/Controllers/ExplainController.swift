import Domain
import Hummingbird
import Operations
import Storage

/// Why a person stands where they stand.
struct ExplainController: Sendable {
    let explanations: Explanations
    let gate: Gate

    func add(to routes: inout Routes) {
        routes.get("users/:user_id/explain") { request, context in
            let id = try await gate.subject(request, context, keys: true)
            let paging = try Paging(request, list: "explain")
            let position = try paging.position(ListPosition.init)
            // Somebody's whole course may take long to go through: not on the event loop of other people's requests.
            let page = try await withTaskExecutorPreference(globalConcurrentExecutor) {
                try await explanations.page(of: id, after: position, limit: paging.limit)
            }
            let next = page.next.map { Cursor(list: "explain", parts: $0.parts).text }
            return .list(page.json(next: next))
        }
    }
}

extension Explanation {
    func json(next: String?) -> JSON {
        [
            "user_id": JSON(userID), "catalog_revision": .integer(catalogRevision),
            "quests": .array(quests.map(\.json)), "events": .array(events.map(\.json)),
            "other_types": .array(
                otherTypes.map { ["event_type": .string($0.type), "count": .integer($0.count)] }),
            "next_cursor": JSON(next),
        ]
    }
}

extension Explanation.Quest {
    var json: JSON {
        [
            "quest_id": JSON(quest.id), "name": .string(quest.name), "active": .bool(quest.active),
            "event_type": .string(quest.eventType), "goal": JSON(quest.streak), "limit": JSON(quest.duplication),
            "status": .integer(standing.limitReached ? 1 : 0), "streak": JSON(standing.progress.streak),
            "duplication": JSON(standing.progress.duplication),
            "catalog_revision": .integer(standing.catalogRevision), "differs": .bool(differs),
            "stored": stored?.json ?? .null, "counted": .integer(counted),
            "not_counted": .array(
                notCounted.map { ["reason": .string($0.reason), "count": .integer($0.count)] }),
            "streak_event_ids": .array(streakEvents.map { JSON($0) }),
            "completions": .array(completions.map(\.json)),
            "next": needed.map { needed in
                [
                    "needs": JSON(needed), "event_type": .string(quest.eventType),
                    "text": .string("\(needed) more \(quest.eventType)"),
                ]
            } ?? .null,
        ]
    }
}

extension Explanation.Standing {
    var json: JSON {
        [
            "status": .integer(limitReached ? 1 : 0), "streak": JSON(progress.streak),
            "duplication": JSON(progress.duplication), "catalog_revision": .integer(catalogRevision),
        ]
    }
}

extension Explanation.Completion {
    var json: JSON {
        [
            "completion": JSON(ordinal), "completion_id": JSON(id), "cause_id": JSON(causeID),
            "occurred_at": JSON(occurredAt), "catalog_revision": .integer(catalogRevision), "goal": JSON(goal),
            "event_ids": .array(events.map { JSON($0) }), "claim": claim?.json ?? .null,
        ]
    }
}

extension Explanation.Event {
    var json: JSON {
        [
            "id": JSON(id), "event_type": .string(type), "timestamp": JSON(occurredAt),
            "recorded_at": JSON(recordedAt), "catalog_revision": .integer(catalogRevision),
            "counted_for": .array(
                countedFor.map { counted in
                    [
                        "quest_id": JSON(counted.questID),
                        "completion": counted.completion.map { JSON($0) } ?? .null, "place": JSON(counted.place),
                    ]
                }),
            "not_counted": .array(
                notCounted.map { ["quest_id": JSON($0.questID), "reason": .string($0.reason)] }),
        ]
    }
}
