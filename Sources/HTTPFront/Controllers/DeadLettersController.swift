import Domain
import Hummingbird
import Operations
import Streams

/// Entries that could not be applied: looked at, sent again or dropped by an admin.
struct DeadLettersController: Sendable {
    let desk: DeadLetterDesk
    let gate: Gate

    func add(to routes: inout Routes) {
        routes.get("dead-letters") { request, _ in
            _ = try await gate.admin(request)
            let paging = try Paging(request, list: "dead-letters")
            let cursor = try paging.position { $0.first.flatMap { StreamID($0) } }
            let rows = try await desk.list(
                after: cursor, error: try error(request), limit: paging.limit + 1)
            return .list(
                paging.answer(rows, list: "dead-letters", json: \.json, key: { [$0.id.description] }))
        }
        routes.get("dead-letters/:letter_id") { request, context in
            _ = try await gate.admin(request)
            guard let letter = try await desk.get(try id(context)) else { throw DeadLettersController.missing }
            return .list(letter.json)
        }
        routes.post("dead-letters/:letter_id/retry") { request, context in
            let actor = try await gate.admin(request).actor(context)
            let corrections = try await corrections(request, context)
            let deed = try deed(of: await desk.retry(.ids([try id(context)]), set: corrections, by: actor))
            return .json(["entry_id": JSON(deed.entry)])
        }
        routes.delete("dead-letters/:letter_id") { request, context in
            let actor = try await gate.admin(request).actor(context)
            _ = try deed(of: await desk.drop(.ids([try id(context)]), by: actor))
            return Response(status: .noContent)
        }
    }

    /// - Throws: `Problem` 404 or 409, `RedisError`.
    private func deed(of outcome: DeadLetterDesk.Outcome) throws -> DeadLetterDesk.Deed {
        if let deed = outcome.done.first { return deed }
        if let interruption = outcome.interruption { throw interruption }
        if case .unknownSource(let source) = outcome.failed.first?.error {
            throw Problem.conflict("unknown-source", "Nobody here reads the stream it came from, \(source)")
        }
        throw DeadLettersController.missing
    }

    /// A text that the letters' errors must contain.
    private func error(_ request: Request) throws -> String? {
        guard let text = try request.parameter("error") else { return nil }
        guard !text.isEmpty else { throw Problem.malformed("error must not be empty") }
        return text
    }

    private static let missing = Problem.notFound("There is no such dead letter; somebody may have dealt with it")

    private func id(_ context: FrontContext) throws -> StreamID {
        guard let id = context.parameters.get("letter_id").flatMap({ StreamID($0) }) else {
            throw DeadLettersController.missing
        }
        return id
    }

    /// An optional body, `{"set": {"field": "value"}}`.
    private func corrections(
        _ request: Request, _ context: FrontContext
    ) async throws -> [(name: String, value: String)] {
        guard let body = try await request.optionalJSON(context) else { return [] }
        var fields = Fields(body)
        fields.refuseOthers(than: ["set"])
        var corrections: [(name: String, value: String)] = []
        switch body["set"] {
        case nil, .null: break
        case .object(let members):
            for member in members {
                guard let text = member.value.string else {
                    fields.fault("set/\(member.name)", "must be a string, and is \(member.value.kind)")
                    continue
                }
                corrections.append((name: member.name, value: text))
            }
        case .some(let other): fields.fault("set", "must be an object, and is \(other.kind)")
        }
        try fields.check()
        return corrections
    }
}

extension DeadLetter {
    var json: JSON {
        [
            "id": JSON(id), "source": .string(source), "source_id": .string(sourceID), "error": .string(error),
            "deliveries": JSON(deliveries), "failed_at": JSON(failedAt),
            "fields": .object(textFields.map { JSON.Member(name: $0.name, value: .string($0.value)) }),
        ]
    }
}
