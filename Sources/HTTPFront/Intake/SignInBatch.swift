import Crypto
import Domain
import Identity

/// Reads the body of `POST /sign-ins`: one object or an array of them, valid as a whole or not at all.
///
/// Nothing passes that Postgres or the stream could refuse later.
struct SignInBatch {
    static let largest = 1_000
    /// How far ahead of this server's clock a sender's may be, in seconds.
    static let clockTolerance: Int64 = 300
    /// More faults than this are not listed.
    static let mostFaults = 100
    private static let members = ["user_id", "type", "event_id", "occurred_at"]

    let sender: APIKeyHolder
    let idempotencyKey: String?
    let origin: EventOrigin
    let now: Timestamp

    /// - Throws: `Problem` 422.
    func events(in body: JSON) throws -> [SignInEvent] {
        var items = [body]
        var isArray = false
        if case .array(let values) = body {
            items = values
            isArray = true
        }
        guard (1...SignInBatch.largest).contains(items.count) else {
            throw Problem.invalid([
                Problem.Fault(
                    pointer: "", detail: "must hold 1 to \(SignInBatch.largest) sign-ins, and holds \(items.count)")
            ])
        }
        var events: [SignInEvent] = []
        events.reserveCapacity(items.count)
        var faults: [Problem.Fault] = []
        var random = KernelRandom(words: 2 * items.count)
        for (index, item) in items.enumerated() {
            var fields = Fields(item, at: isArray ? index : nil)
            if let event = event(&fields, index: index, &random) { events.append(event) }
            faults += fields.faults
        }
        if isArray, items.contains(where: { $0["event_id"] != nil }) { faults += conflicts(events, of: items.count) }
        guard faults.isEmpty else { throw Problem.invalid(Array(faults.prefix(SignInBatch.mostFaults))) }
        return events
    }

    private func event(_ fields: inout Fields, index: Int, _ random: inout KernelRandom) -> SignInEvent? {
        let userID = fields.identifier("user_id")
        let type = type(&fields)
        let eventID = fields.optionalIdentifier("event_id")
        if eventID?.version == 8 { fields.fault("event_id", "must not be a version 8 UUID, which completions have") }
        let occurredAt = occurredAt(&fields)
        fields.refuseOthers(than: SignInBatch.members)
        guard fields.faults.isEmpty, let userID, let type else { return nil }
        return SignInEvent(
            id: eventID ?? newID(index, &random), type: type, userID: userID, occurredAt: occurredAt, origin: origin)
    }

    private func type(_ fields: inout Fields) -> EventType? {
        let before = fields.faults.count
        guard let name = fields.optionalString("type") else {
            return fields.faults.count == before ? .signIn : nil
        }
        guard let type = EventType(name) else {
            fields.fault("type", "must be a letter and up to 63 letters and digits")
            return nil
        }
        guard type != .questCompleted else {
            fields.fault("type", "must not be QuestCompleted, which only the workers make")
            return nil
        }
        return type
    }

    private func occurredAt(_ fields: inout Fields) -> Timestamp {
        guard let text = fields.optionalString("occurred_at") else { return now }
        guard let moment = Timestamp(rfc3339: text) else {
            fields.fault("occurred_at", "must be an RFC 3339 time, such as 2026-11-23T08:30:00Z")
            return now
        }
        if moment > now.advanced(bySeconds: SignInBatch.clockTolerance) {
            fields.fault("occurred_at", "lies more than \(SignInBatch.clockTolerance / 60) minutes ahead")
        }
        return moment
    }

    /// Two items with one id must be the same event: the second one could only end among the dead letters.
    private func conflicts(_ events: [SignInEvent], of count: Int) -> [Problem.Fault] {
        guard events.count == count else { return [] }
        var seen: [Identifier: SignInEvent] = [:]
        return events.enumerated().compactMap { index, event in
            let first = seen[event.id] ?? event
            seen[event.id] = first
            guard first.conflicts(with: event) else { return nil }
            return Problem.Fault(
                pointer: "/\(index)/event_id", detail: "is used before for another person or type")
        }
    }

    /// The same for the same key and index of the same sender, a new one without a key.
    private func newID(_ index: Int, _ random: inout KernelRandom) -> Identifier {
        guard let idempotencyKey else { return .timeOrdered(at: now, using: &random) }
        // A name-based UUID (RFC 9562, section 5.5) in the sender's own namespace.
        let digest = Insecure.SHA1.hash(data: sender.keyID.bytes + Array("\(index):\(idempotencyKey)".utf8))
        return Identifier(bytes: Array(digest))?.marked(version: 5) ?? .timeOrdered(at: now, using: &random)
    }
}
