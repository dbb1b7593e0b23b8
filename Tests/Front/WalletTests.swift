import Domain
import Foundation
import Operations
import Postgres
import Storage
import TestSupport
import Testing

@testable import HTTPFront

@Suite("The wallet over HTTP")
struct WalletTests {
    private func path(_ person: Identifier) -> String { "/api/v1/users/\(person)/wallet/entries" }

    private func entry(_ kind: String, _ amount: Int64, ref: String = UUID().uuidString, note: String? = nil) -> JSON {
        var members: [JSON.Member] = [
            .init(name: "kind", value: .string(kind)), .init(name: "ref", value: .string(ref)),
            .init(name: "item", value: "gold"), .init(name: "amount", value: .integer(amount)),
        ]
        if let note { members.append(.init(name: "note", value: .string(note))) }
        return .object(members)
    }

    private func audit(_ front: TestFront) async throws -> [[String]] {
        try await front.database.client.query(
            """
            SELECT actor, action, subject, details::text, coalesce(request_id, '') FROM auth.audit_log
            WHERE action ~ '^(wallet|claim)' ORDER BY audit_id
            """
        ).map { row in try (0..<5).map { try row.decode($0) } }
    }

    @Test("Keys and admins write, players do not; the same ref answers the same row")
    func entries() async throws {
        try await TestFront.with { front in
            let ann = try await front.signUp("Ann")
            let asAnn = try await front.signIn("Ann")
            let admin = try await front.admin()
            let correction = entry("correction", 20, ref: "r1", note: "a gift \u{1f381} \"quoted\"")
            let made = try await admin.send("POST", path(ann), ["X-Request-Id": "req-1"], json: correction)
            #expect(made.status == 201)
            #expect(made.json["amount"] == .integer(20) && made.json["balance_after"] == .integer(20))
            #expect(made.json["kind"] == "correction" && made.json["ref"] == "r1" && made.json["item"] == "gold")
            let location = try #require(made.headers["location"])
            #expect(try await asAnn.get(location).json == made.json)
            #expect(try await front.key.get(location).json == made.json)
            #expect(try await asAnn.get("/api/v1/users/me/wallet").data == [made.json])
            let again = try await front.key.send("POST", path(ann), json: correction)
            #expect(again.status == 200 && again.json == made.json)
            let spent = try await front.key.send("POST", path(ann), json: entry("spend", 15, ref: "r1"))
            #expect(spent.status == 201 && spent.json["amount"] == .integer(-15))
            let other = try await front.key.send("POST", path(ann), json: entry("spend", 14, ref: "r1"))
            #expect(other.status == 409 && other.problem == "ref-reused")
            let poor = try await front.key.send("POST", path(ann), json: entry("spend", 6))
            #expect(poor.status == 409 && poor.problem == "insufficient-funds")
            #expect(poor.json["balance"] == .integer(5) && poor.json["detail"]?.string?.contains("5 gold") == true)
            let stranger = try await front.key.send("POST", path(.random()), json: entry("spend", 1))
            #expect(stranger.problem == "insufficient-funds" && stranger.json["balance"] == .integer(0))
            for target in [path(ann), "/api/v1/users/me/wallet/entries"] {
                let refused = try await asAnn.send("POST", target, json: entry("correction", 1))
                #expect(refused.status == 403 && refused.problem == "forbidden")
            }
            #expect(try await front.client.send("POST", path(ann), json: entry("spend", 1)).status == 401)
            let me = "/api/v1/users/me/wallet/entries"
            #expect(try await front.key.send("POST", me, json: entry("correction", 1)).status == 404)
            #expect(try await admin.send("POST", me, json: entry("correction", 1)).status == 201)
            for missing in ["0", "x", "99999", "99999999999999999999"] {
                #expect(try await admin.get(path(ann) + "/\(missing)").problem == "not-found")
            }
            let bob = try await front.signUp("Bob")
            #expect(try await front.signIn("Bob").get(location).problem == "forbidden")
            #expect(try await admin.get(location.replacing("\(ann)", with: "\(bob)")).problem == "not-found")

            let rows = try await audit(front)
            #expect(rows.map { $0[1] } == ["wallet.correction", "wallet.spend", "wallet.correction"])
            #expect(rows[0][0] == "admin" && rows[0][2] == ann.description && rows[0][4] == "req-1")
            let details = try JSONParser.parse(Array(rows[0][3].utf8))
            #expect(details["note"] == "a gift \u{1f381} \"quoted\"" && details["amount"] == .integer(20))
            #expect(details["ref"] == "r1" && details["item"] == "gold")
            #expect(rows[1][0] == "key test")
        }
    }

    @Test("Everything that is wrong with a body is named")
    func faults() async throws {
        try await TestFront.with { front in
            let trillion: Int64 = 1_000_000_000_000
            let person = Identifier.random()
            let cases: [(String, [String])] = [
                ("{}", ["/kind", "/ref", "/item", "/amount"]),
                ("[]", [""]), ("null", [""]),
                (#"{"kind":"claim","ref":"","item":"silver","amount":0}"#, ["/kind", "/ref", "/item", "/amount"]),
                (#"{"kind":"spend","ref":"a","item":"gold","amount":-1}"#, ["/amount"]),
                (#"{"kind":"spend","ref":"a","item":"gold","amount":\#(trillion + 1)}"#, ["/amount"]),
                (#"{"kind":"correction","ref":"a","item":"gold","amount":\#(-trillion - 1)}"#, ["/amount"]),
                (#"{"kind":"correction","ref":"a","item":"gold","amount":-9223372036854775808}"#, ["/amount"]),
                (#"{"kind":"correction","ref":"a","item":"gold","amount":1.5}"#, ["/amount"]),
                (#"{"kind":"correction","ref":"a","item":"gold","amount":1e300}"#, ["/amount"]),
                (#"{"kind":"correction","ref":"a","item":"gold","amount":"1"}"#, ["/amount"]),
                (#"{"kind":"correction","ref":5,"item":null,"amount":1}"#, ["/ref", "/item"]),
                (
                    #"{"kind":"correction","ref":"a\u0000b","item":"gold","amount":1,"note":"\u0000"}"#,
                    ["/ref", "/note"]
                ),
                (#"{"kind":"correction","ref":"a\nb","item":"gold","amount":1,"note":7}"#, ["/ref", "/note"]),
                (
                    #"{"kind":"correction","ref":"\#(String(repeating: "x", count: 256))","item":"gold","amount":1,"note":"\#(String(repeating: "y", count: 501))"}"#,
                    ["/ref", "/note"]
                ),
                (#"{"kind":"correction","ref":"a","item":"gold","amount":1,"balance":5}"#, ["/balance"]),
            ]
            for (body, pointers) in cases {
                let answer = try await front.key.send(
                    "POST", path(person), ["Content-Type": "application/json"], body: Array(body.utf8))
                #expect(
                    answer.status == 422 && Set(answer.pointers) == Set(pointers), "\(body.prefix(90)): \(answer.text)")
            }
            #expect(try await audit(front).isEmpty)
            // The largest that are allowed, at the edges.
            let ref = String(repeating: "\u{1f381}", count: 255)
            let most = try await front.key.send(
                "POST", path(person),
                json: entry("correction", trillion, ref: ref, note: String(repeating: "y", count: 500)))
            #expect(most.status == 201)
            #expect(try await front.key.send("POST", path(person), json: entry("correction", -trillion)).status == 201)
        }
    }

    @Test("Fifty spends at once from 20, and twenty equal ones, over HTTP; verify finds nothing wrong with the ledger")
    func races() async throws {
        try await TestFront.with { front in
            let client = front.database.client
            let person = Identifier.random()
            #expect(try await front.key.send("POST", path(person), json: entry("correction", 20)).status == 201)
            let claims = (1...10).map { ordinal in
                Completion(
                    id: Completion.id(userID: person, questID: person, ordinal: ordinal), userID: person,
                    questID: person, ordinal: ordinal, rewardItem: .diamond, rewardQuantity: 3, autoClaim: true,
                    catalogRevision: 1, causeID: .random(), occurredAt: .now)
            }
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<50 {
                    group.addTask { try await front.key.send("POST", path(person), json: entry("spend", 1)).status }
                }
                for claim in claims {
                    group.addTask {
                        _ = try await Claims(client).store([claim])
                        return 0
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(statuses.count { $0 == 201 } == 20 && statuses.count { $0 == 409 } == 30)
            let user = try await Users(client).user(person)
            #expect(user?.gold == 0 && user?.diamond == 30)
            let equal = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<20 {
                    group.addTask {
                        try await front.key.send("POST", path(person), json: entry("correction", 9, ref: "one")).status
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(equal.count { $0 == 201 } == 1 && equal.count { $0 == 200 } == 19)
            // The claims above have no events, so they are told of, and nothing else is.
            let found = Locked<[Difference]>([])
            _ = try await Verification(client).run { difference in found.withLock { $0.append(difference) } }
            let subjects = found.withLock { $0.map(\.subject) }
            #expect(subjects.count >= claims.count && subjects.allSatisfy { $0.hasPrefix("claim ") })
        }
    }

    @Test("Somebody else who claims for a person is on record, once, and only when it was they who claimed")
    func claims() async throws {
        try await TestFront.with { front in
            let ann = try await front.signUp("Ann")
            let asAnn = try await front.signIn("Ann")
            _ = try await front.signUp("Bob")
            let asBob = try await front.signIn("Bob")
            let admin = try await front.admin()
            let completions = (1...3).map { ordinal in
                Completion(
                    id: Completion.id(userID: ann, questID: ann, ordinal: ordinal), userID: ann, questID: ann,
                    ordinal: ordinal, rewardItem: .gold, rewardQuantity: 3, autoClaim: false, catalogRevision: 1,
                    causeID: .random(), occurredAt: .now)
            }
            _ = try await Claims(front.database.client).store(completions)
            func claim(_ client: Client, _ index: Int, of person: String? = nil) async throws -> Answer {
                try await client.send(
                    "POST", "/api/v1/users/\(person ?? ann.description)/claims/\(completions[index].id)/claim")
            }
            #expect(try await claim(asBob, 0).problem == "forbidden")
            #expect(try await claim(asBob, 0, of: "me").problem == "not-found")
            #expect(try await claim(admin, 0, of: "me").problem == "not-found")
            #expect(try await claim(front.key, 0, of: Identifier.random().description).problem == "not-found")
            #expect(try await audit(front).isEmpty)
            let own = try await claim(asAnn, 0, of: "me")
            #expect(own.status == 200 && own.json["status"] == "claimed")
            #expect(try await claim(admin, 0).json == own.json)
            #expect(try await audit(front).isEmpty, "Ann has claimed it herself")
            let answers = try await withThrowingTaskGroup(of: Answer.self) { group in
                for index in 0..<16 { group.addTask { try await claim(index % 2 == 0 ? front.key : admin, 1) } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(Set(answers.map(\.text)).count == 1 && answers.allSatisfy { $0.status == 200 })
            #expect(try await Users(front.database.client).user(ann)?.gold == 6)
            let rows = try await audit(front)
            #expect(rows.count == 1 && rows.first?[1] == "claim.claim" && rows.first?[2] == ann.description)
            #expect(rows.first?[3].contains(completions[1].id.description) == true)
            // A wallet that is full keeps the claim waiting.
            _ = try await front.database.client.query(
                "UPDATE auth.users SET gold = 9223372036854775807 WHERE user_id = \(ann)")
            #expect(try await claim(asAnn, 2).problem == "wallet-full")
            #expect(try await asAnn.get("/api/v1/users/me/claims?status=pending").data.count == 1)
        }
    }
}
