import Catalog
import Domain
import Hummingbird
import Storage

/// Making, changing and retiring quests and rewards; admins may.
struct CatalogCommandsController: Sendable {
    let commands: CatalogCommands
    let catalog: CatalogQueries
    let gate: Gate

    func add(to routes: inout Routes) {
        routes.post("quests") { request, context in
            let admin = try await admin(request, context)
            let new = try newQuest(Fields(try await request.json(context)))
            let written = try await told { try await commands.create(new, by: admin) }
            return await answer(written, status: .created, location: "/api/v1/quests/\(written.item.id)")
        }
        routes.patch("quests/:quest_id") { request, context in
            let admin = try await admin(request, context)
            let (id, precondition) = (try id("quest_id", context), try request.precondition())
            let change = try questChange(Fields(try await request.json(context)))
            return await answer(
                try await told {
                    try await commands.change(quest: id, change, if: precondition, by: admin)
                })
        }
        routes.delete("quests/:quest_id") { request, context in
            let admin = try await admin(request, context)
            let (id, precondition) = (try id("quest_id", context), try request.precondition())
            var change = QuestChange()
            change.active = false
            return await retired(
                try await told { [change] in
                    try await commands.change(quest: id, change, if: precondition, by: admin)
                })
        }
        routes.post("rewards") { request, context in
            let admin = try await admin(request, context)
            let new = try newReward(Fields(try await request.json(context)))
            let written = try await told { try await commands.create(new, by: admin) }
            return await answer(written, status: .created, location: "/api/v1/rewards/\(written.item.id)")
        }
        routes.patch("rewards/:reward_id") { request, context in
            let admin = try await admin(request, context)
            let (id, precondition) = (try id("reward_id", context), try request.precondition())
            let change = try rewardChange(Fields(try await request.json(context)))
            return await answer(
                try await told {
                    try await commands.change(reward: id, change, if: precondition, by: admin)
                })
        }
        routes.delete("rewards/:reward_id") { request, context in
            let admin = try await admin(request, context)
            let (id, precondition) = (try id("reward_id", context), try request.precondition())
            var change = RewardChange()
            change.active = false
            return await retired(
                try await told { [change] in
                    try await commands.change(reward: id, change, if: precondition, by: admin)
                })
        }
    }

    private func admin(_ request: Request, _ context: FrontContext) async throws -> Actor {
        Caller.person(try await gate.admin(request)).actor(context)
    }

    private func id(_ name: String, _ context: FrontContext) throws -> Identifier {
        guard let id = context.parameters.get(name).flatMap({ Identifier($0) }) else { throw CatalogFailures.missing }
        return id
    }

    /// Nothing older is answered here, and soon nowhere, once the client has the answer.
    private func answer<Item>(
        _ written: CatalogWritten<Item>, status: HTTPResponse.Status = .ok, location: String? = nil
    ) async -> Response {
        await wrote(written)
        return .document(written.item.document, status: status, location: location)
    }

    private func retired<Item>(_ written: CatalogWritten<Item>) async -> Response {
        await wrote(written)
        return Response(status: .noContent, headers: [.eTag: written.item.document.tag])
    }

    private func wrote<Item>(_ written: CatalogWritten<Item>) async {
        if let edition = written.edition { await catalog.wrote(edition) } else { catalog.saw(written.item.revision) }
    }

    /// A client that is told of a newer state reads it, too, when it asks here again.
    private func told<Value>(_ body: () async throws -> Value) async throws -> Value {
        do {
            return try await body()
        } catch let refusal as CatalogRefusal {
            if case .stale(_, let revision) = refusal { catalog.saw(revision) }
            throw CatalogFailures.problem(refusal)
        }
    }

    // MARK: Bodies

    private func newQuest(_ fields: Fields) throws -> NewQuest {
        var fields = fields
        let new = NewQuest(
            name: fields.text("name", CatalogRules.fault(inName:)),
            description: fields.optionalText("description", CatalogRules.fault(inDescription:)) ?? "",
            eventType: fields.text("event_type", CatalogRules.fault(inEventType:)),
            streak: Int32(clamping: fields.integer("streak", in: CatalogRules.streaks)),
            duplication: Int32(clamping: fields.integer("duplication", in: CatalogRules.duplications)),
            autoClaim: fields.optionalBoolean("auto_claim") ?? false,
            rewardID: fields.identifier("reward_id") ?? Identifier(high: 0, low: 0))
        fields.refuseNull(["description", "auto_claim"])
        fields.refuseOthers(than: CatalogCommandsController.questMembers)
        try fields.check()
        return new
    }

    private func questChange(_ fields: Fields) throws -> QuestChange {
        var fields = fields
        var change = QuestChange()
        change.name = fields.optionalText("name", CatalogRules.fault(inName:))
        change.description = fields.optionalText("description", CatalogRules.fault(inDescription:))
        change.eventType = fields.optionalText("event_type", CatalogRules.fault(inEventType:))
        change.streak = fields.optionalInteger("streak", in: CatalogRules.streaks).map { Int32(clamping: $0) }
        change.duplication = fields.optionalInteger("duplication", in: CatalogRules.duplications)
            .map { Int32(clamping: $0) }
        change.autoClaim = fields.optionalBoolean("auto_claim")
        change.rewardID = fields.optionalIdentifier("reward_id")
        change.active = fields.optionalBoolean("active")
        let members = CatalogCommandsController.questMembers.union(["active"])
        fields.refuseNull(members.sorted())
        fields.refuseOthers(than: members)
        try fields.check()
        return change
    }

    private func newReward(_ fields: Fields) throws -> NewReward {
        var fields = fields
        let new = NewReward(
            name: fields.text("reward_name", CatalogRules.fault(inName:)),
            item: fields.item("reward_item", mustBeThere: true) ?? .gold,
            quantity: fields.integer("reward_qty", in: CatalogRules.quantities))
        fields.refuseOthers(than: CatalogCommandsController.rewardMembers)
        try fields.check()
        return new
    }

    private func rewardChange(_ fields: Fields) throws -> RewardChange {
        var fields = fields
        var change = RewardChange()
        change.name = fields.optionalText("reward_name", CatalogRules.fault(inName:))
        change.item = fields.item("reward_item", mustBeThere: false)
        change.quantity = fields.optionalInteger("reward_qty", in: CatalogRules.quantities)
        change.active = fields.optionalBoolean("active")
        let members = CatalogCommandsController.rewardMembers.union(["active"])
        fields.refuseNull(members.sorted())
        fields.refuseOthers(than: members)
        try fields.check()
        return change
    }

    private static let questMembers: Set<String> = [
        "name", "description", "event_type", "streak", "duplication", "auto_claim", "reward_id",
    ]
    private static let rewardMembers: Set<String> = ["reward_name", "reward_item", "reward_qty"]
}

extension Fields {
    /// A text that must be there and keep a rule.
    fileprivate mutating func text(_ name: String, _ rule: (String) -> String?) -> String {
        let before = faults.count
        let text = string(name)
        if faults.count == before, let reason = rule(text) { fault(name, reason) }
        return text
    }

    fileprivate mutating func optionalText(_ name: String, _ rule: (String) -> String?) -> String? {
        guard let text = optionalString(name) else { return nil }
        if let reason = rule(text) { fault(name, reason) }
        return text
    }

    fileprivate mutating func item(_ name: String, mustBeThere: Bool) -> RewardItem? {
        let before = faults.count
        guard let text = mustBeThere ? string(name) : optionalString(name), faults.count == before else { return nil }
        guard let item = RewardItem(rawValue: text) else {
            fault(name, "must be gold or diamond")
            return nil
        }
        return item
    }
}

/// Refusals of the catalog, as clients are told of them.
enum CatalogFailures {
    static let missing = Problem.notFound("There is no such thing in the catalog")

    static func problem(_ refusal: CatalogRefusal) -> Problem {
        switch refusal {
        case .missing: missing
        case .stale(let tag, _): .stale(tag: tag)
        case .nameTaken: .conflict("name-taken", "Another one, active or retired, has this name")
        case .rewardUnknown: .invalid([.init(pointer: "/reward_id", detail: "is not the id of a reward")])
        case .rewardRetired: .invalid([.init(pointer: "/reward_id", detail: "is the id of a retired reward")])
        case .rewardInUse(let quests):
            .conflict("reward-in-use", "Active quests pay this reward: \(names(of: quests))")
        case .busy: .unavailable("Batches are being committed, and did not let go of the catalog in time")
        }
    }

    private static func names(of quests: [Quest]) -> String {
        let named = quests.prefix(10).map { "\($0.name) (\($0.id))" }.joined(separator: ", ")
        return quests.count > 10 ? "\(named) and \(quests.count - 10) more" : named
    }
}
