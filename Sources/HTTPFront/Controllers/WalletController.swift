import Domain
import HTTPTypes
import Hummingbird
import Storage

/// The ledger: read by people themselves, written by other servers and admins.
struct WalletController: Sendable {
    let wallets: Wallets
    let gate: Gate
    let hints: Hints

    /// What one entry may add or take away.
    static let largestAmount: Int64 = 1_000_000_000_000
    static let longestNote = 500

    func add(to routes: inout Routes) {
        routes.get("users/:user_id/wallet") { request, context in
            let id = try await gate.subject(request, context, keys: true)
            let paging = try Paging(request, list: "wallet")
            let cursor = try paging.position { $0.first.flatMap { Int64($0) } }
            let rows = try await wallets.entries(of: id, before: cursor, limit: paging.limit + 1)
            return .list(paging.answer(rows, list: "wallet", json: \.json, key: { [String($0.id)] }))
        }
        routes.post("users/:user_id/wallet/entries") { request, context in try await post(request, context) }
        routes.get("users/:user_id/wallet/entries/:entry_id") { request, context in
            let id = try await gate.subject(request, context, keys: true)
            guard let entryID = context.parameters.get("entry_id").flatMap({ Int64($0) }),
                let entry = try await wallets.entry(entryID, of: id)
            else { throw Problem.notFound("This wallet has no such entry") }
            return .list(entry.json)
        }
    }

    private func post(_ request: Request, _ context: FrontContext) async throws -> Response {
        let (caller, userID) = try await gate.trusted(request, context)
        let (posting, note) = try WalletController.posting(for: userID, in: try await request.json(context))
        var details: [(name: String, value: AuditDetails.Value)] = [
            ("ref", .text(posting.ref)), ("item", .text(posting.item.rawValue)), ("amount", .number(posting.amount)),
        ]
        if let note { details.append(("note", .text(note))) }
        let audit = AuditEntry(
            caller.actor(context), "wallet.\(posting.kind.rawValue)", subject: userID.description,
            details: AuditDetails(details))
        switch try await wallets.post(posting, as: audit) {
        case .written(let entry):
            hints.changed(userID)
            return .json(
                entry.json, status: .created,
                headers: [
                    .location: "/api/v1/users/\(userID)/wallet/entries/\(entry.id)", .cacheControl: "no-store",
                ])
        case .repeated(let entry): return .list(entry.json)
        case .refReused:
            throw Problem.conflict(
                "ref-reused", "There is a \(posting.kind.rawValue) of this ref with another person, item or amount")
        case .insufficient(let balance):
            var problem = Problem.conflict(
                "insufficient-funds",
                "The wallet holds \(balance) \(posting.item.rawValue), \(-posting.amount) are to be taken away")
            problem.members = [.init(name: "balance", value: .integer(balance))]
            throw problem
        case .overflowing(let balance):
            var problem = Problem.walletFull
            problem.members = [.init(name: "balance", value: .integer(balance))]
            throw problem
        }
    }

    /// Reads a body of `{kind, ref, item, amount, note?}`.
    ///
    /// - Throws: `Problem` 422 that names every wrong member.
    private static func posting(for userID: Identifier, in body: JSON) throws -> (WalletPosting, note: String?) {
        var fields = Fields(body)
        let kind: WalletPosting.Kind? = fields.choice("kind")
        let ref = fields.string("ref")
        if case .string = body["ref"] {
            if !(1...255).contains(ref.unicodeScalars.count) {
                fields.fault("ref", "must have 1 to 255 characters")
            } else if ref.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) {
                fields.fault("ref", "must not contain control characters")
            }
        }
        let item: RewardItem? = fields.choice("item")
        let amount = amount(body, of: kind, &fields)
        let note = fields.optionalString("note")
        if let note {
            if note.unicodeScalars.count > longestNote {
                fields.fault("note", "must have at most \(longestNote) characters")
            } else if note.unicodeScalars.contains("\u{0}") {
                fields.fault("note", "must not contain NUL")
            }
        }
        fields.refuseOthers(than: ["kind", "ref", "item", "amount", "note"])
        try fields.check()
        guard let kind, let item, let amount else { throw Problem.invalid(fields.faults) }
        return (
            WalletPosting(
                userID: userID, kind: kind, ref: ref, item: item, amount: kind == .spend ? -amount : amount), note
        )
    }

    /// A spend names what it takes away, a correction what it adds.
    private static func amount(_ body: JSON, of kind: WalletPosting.Kind?, _ fields: inout Fields) -> Int64? {
        switch body["amount"] {
        case .integer(let amount):
            let least = kind == .spend ? 1 : -largestAmount
            if amount != 0, (least...largestAmount).contains(amount) { return amount }
            fields.fault(
                "amount",
                kind == .spend
                    ? "must be between 1 and \(largestAmount)"
                    : "must be between \(-largestAmount) and \(largestAmount), and not 0")
        case nil, .null: if case .object = body { fields.fault("amount", "is missing") }
        case .number: fields.fault("amount", "must be a whole number between \(-largestAmount) and \(largestAmount)")
        case .some(let other): fields.fault("amount", "must be a whole number, and is \(other.kind)")
        }
        return nil
    }
}

extension Problem {
    static let walletFull = Problem.conflict("wallet-full", "The wallet cannot hold more than \(Int64.max)")
}
