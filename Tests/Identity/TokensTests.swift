import Crypto
import Domain
import Foundation
import JWTKit
import Storage
import Testing

@testable import Identity

@Suite("Tokens")
struct TokensTests {
    private static let secret = "0123456789abcdef0123456789abcdef"
    private let person = Identifier.random()

    @Test("A token says who, which sign-in and until when")
    func roundTrip() async throws {
        let tokens = await Tokens(secret: Self.secret)
        let now = Timestamp.now
        let id = Identifier.timeOrdered(at: now)
        let bearer = try await tokens.verify(try await tokens.issue(for: person, tokenID: id, role: .admin))
        #expect(bearer.userID == person)
        #expect(bearer.tokenID == id)
        #expect(bearer.role == .admin)
        #expect(bearer.issuedAt == now)
        #expect(bearer.expiresAt.milliseconds / 1_000 == now.milliseconds / 1_000 + 8 * 3_600)
    }

    @Test("After eight hours it is refused")
    func expiry() async throws {
        let tokens = await Tokens(secret: Self.secret)
        let start = Timestamp(milliseconds: 1_800_000_000_000)
        let token = try await tokens.issue(for: person, tokenID: .timeOrdered(at: start), role: .player)
        _ = try await tokens.verify(token, at: start.advanced(bySeconds: Tokens.lifetime - 1))
        await #expect(throws: TokenRefusal.self) {
            try await tokens.verify(token, at: start.advanced(bySeconds: Tokens.lifetime))
        }
    }

    /// A token written by hand, signed with HMAC-SHA-256 whatever its header says.
    private func forged(header: String, claims: String, secret: String, digest: any HashFunction.Type = SHA256.self)
        -> String
    {
        func encoded(_ bytes: some Sequence<UInt8>) -> String {
            Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing(
                "=", with: "")
        }
        let signed = encoded(header.utf8) + "." + encoded(claims.utf8)
        let key = SymmetricKey(data: Array(secret.utf8))
        let signature: [UInt8] =
            digest == SHA512.self
            ? Array(HMAC<SHA512>.authenticationCode(for: Array(signed.utf8), using: key))
            : Array(HMAC<SHA256>.authenticationCode(for: Array(signed.utf8), using: key))
        return signed + "." + encoded(signature)
    }

    @Test("The header chooses nothing: one algorithm, a key of ours, no extensions")
    func headers() async throws {
        let tokens = await Tokens(secret: Self.secret)
        let now = Timestamp.now.milliseconds / 1_000
        let good = try await tokens.issue(for: person, tokenID: .timeOrdered(at: .now), role: .player)
        let part = try #require(good.split(separator: ".").first)
        let decoded = String(decoding: try #require(Base64URL.decode(part)), as: UTF8.self)
        let kid = try #require(decoded.split(separator: "\"kid\":\"").last).prefix { $0 != "\"" }
        let claims =
            #"{"sub":"\#(person)","jti":"\#(Identifier.timeOrdered(at: .now))","iat":\#(now),"exp":\#(now + 60),"role":"admin"}"#
        func header(_ alg: String, _ kid: String, _ more: String = "") -> String {
            #"{"alg":"\#(alg)","typ":"JWT","kid":"\#(kid)"\#(more)}"#
        }
        // The control: made by hand and right in everything.
        let right = forged(header: header("HS256", String(kid)), claims: claims, secret: Self.secret)
        #expect(try await tokens.verify(right).userID == person)
        let wrong = [
            forged(header: header("HS512", String(kid)), claims: claims, secret: Self.secret, digest: SHA512.self),
            forged(header: header("HS512", String(kid)), claims: claims, secret: Self.secret),
            forged(header: header("RS256", String(kid)), claims: claims, secret: Self.secret),
            forged(header: header("none", String(kid)), claims: claims, secret: Self.secret),
            forged(header: header("hs256", String(kid)), claims: claims, secret: Self.secret),
            forged(header: header("HS256", "another"), claims: claims, secret: Self.secret),
            forged(header: #"{"alg":"HS256","typ":"JWT"}"#, claims: claims, secret: Self.secret),
            forged(header: #"{"kid":"\#(kid)"}"#, claims: claims, secret: Self.secret),
            forged(header: header("HS256", String(kid), #","crit":["exp"]"#), claims: claims, secret: Self.secret),
            forged(header: header("HS256", String(kid), #","b64":false"#), claims: claims, secret: Self.secret),
            forged(header: header("HS256", String(kid)), claims: claims, secret: Self.secret + "x"),
            forged(header: header("HS256", String(kid)), claims: "{}", secret: Self.secret),
            forged(
                header: header("HS256", String(kid)),
                claims: claims.replacing("\"exp\":\(now + 60)", with: "\"exp\":\(Int64.min)"), secret: Self.secret),
            right + "=", right + ".", right + "A", " " + right,
        ]
        for token in wrong {
            await #expect(throws: TokenRefusal.self, "\(token)") { try await tokens.verify(token) }
        }
    }

    @Test("Any changed letter is refused, the last ones of the signature too")
    func letters() async throws {
        let tokens = await Tokens(secret: Self.secret)
        let good = Array(try await tokens.issue(for: person, tokenID: .timeOrdered(at: .now), role: .player))
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
        for index in good.indices where good[index] != "." {
            // The last letter of a part holds bits that a careless reader leaves out.
            let isLast = index == good.indices.last || good[index + 1] == "."
            for letter in isLast ? alphabet : ["A", "B", "Q", "_"] where letter != good[index] {
                var changed = good
                changed[index] = letter
                await #expect(throws: TokenRefusal.self, "\(index) \(letter)") {
                    try await tokens.verify(String(changed))
                }
            }
        }
    }

    @Test("A secret is exchanged in two steps, and tokens of the one before stand until it is taken out")
    func rotation() async throws {
        let (old, new) = (Self.secret, "fedcba9876543210fedcba9876543210")
        let before = await Tokens(secret: old)
        let during = await Tokens(secret: new, previous: [old, "a third one of thirty-two bytes!!"])
        let after = await Tokens(secret: new)
        let early = try await before.issue(for: person, tokenID: .timeOrdered(at: .now), role: .player)
        #expect(try await during.verify(early).userID == person)
        let late = try await during.issue(for: person, tokenID: .timeOrdered(at: .now), role: .player)
        #expect(try await after.verify(late).userID == person)
        await #expect(throws: TokenRefusal.self) { try await after.verify(early) }
        await #expect(throws: TokenRefusal.self) { try await before.verify(late) }
        // A front that still signs with the old secret, and has been told of the new one.
        let told = await Tokens(secret: old, previous: [new])
        #expect(try await told.verify(late).userID == person)
    }

    @Test("Another secret, a changed letter, no signature and other algorithms are refused")
    func forgeries() async throws {
        let tokens = await Tokens(secret: Self.secret)
        let foreign = await Tokens(secret: Self.secret + "x")
        let id = Identifier.timeOrdered(at: .now)
        let good = try await tokens.issue(for: person, tokenID: id, role: .player)
        let parts = good.split(separator: ".").map(String.init)
        var forged = [
            try await foreign.issue(for: person, tokenID: id, role: .admin),
            parts[0] + "." + parts[1] + ".",
            // {"alg":"none","typ":"JWT"}
            "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0." + parts[1] + ".",
            "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0." + parts[1] + "." + parts[2],
            "", ".", "..", String(repeating: "a", count: 5_000),
        ]
        for index in [4, good.count / 2] {
            var characters = Array(good)
            characters[index] = characters[index] == "A" ? "B" : "A"
            forged.append(String(characters))
        }
        for token in forged {
            await #expect(throws: TokenRefusal.self, "\(token.prefix(40))") { try await tokens.verify(token) }
        }
    }
}

@Suite("Who may come in")
struct AccessListTests {
    private let now = Timestamp.now

    private func bearer(issued: Timestamp, user: Identifier = .random()) -> Bearer {
        let id = Identifier.timeOrdered(at: issued)
        return Bearer(
            userID: user, tokenID: id, role: .player, issuedAt: Tokens.moment(of: id),
            expiresAt: issued.advanced(bySeconds: Tokens.lifetime))
    }

    @Test("A revoked token is refused, others of the same person are not")
    func revoked() {
        let list = AccessList()
        let (one, other) = (bearer(issued: now), bearer(issued: now))
        list.revoke(one.tokenID, until: one.expiresAt)
        #expect(list.refusal(of: one) != nil)
        #expect(list.refusal(of: other) == nil)
        list.merge(AccessList.News())
        #expect(list.refusal(of: one) != nil)
    }

    @Test("A change of the account voids the tokens from before it, not those from after, to the millisecond")
    func validFrom() {
        let list = AccessList()
        let user = Identifier.random()
        list.merge(AccessList.News(validFrom: [user: now]))
        #expect(list.refusal(of: bearer(issued: Timestamp(milliseconds: now.milliseconds - 1), user: user)) != nil)
        // Which of the two was earlier within the millisecond, nobody can tell.
        #expect(list.refusal(of: bearer(issued: now, user: user)) != nil)
        #expect(list.refusal(of: bearer(issued: Timestamp(milliseconds: now.milliseconds + 1), user: user)) == nil)
        #expect(list.refusal(of: bearer(issued: now.advanced(bySeconds: -60))) == nil)
    }

    @Test(
        "A token that says under which state of the account it was given out is judged by that, whatever the clocks say"
    )
    func clocks() {
        let list = AccessList()
        let user = Identifier.random()
        let (before, after) = (now, Timestamp(milliseconds: now.milliseconds + 1))
        list.merge(AccessList.News(validFrom: [user: after]))
        for difference: Int64 in [-3_600, -1, 0, 1, 3_600] {
            let issued = now.advanced(bySeconds: difference)
            func bearer(_ state: Timestamp) -> Bearer {
                Bearer(
                    userID: user, tokenID: .timeOrdered(at: issued), role: .player, issuedAt: issued,
                    expiresAt: issued.advanced(bySeconds: Tokens.lifetime), accountValidFrom: state)
            }
            #expect(list.refusal(of: bearer(before)) != nil)
            #expect(list.refusal(of: bearer(after)) == nil)
        }
    }

    @Test("What this front did to keys outlasts a reading that had begun before")
    func ownKeys() {
        let list = AccessList()
        let (one, two) = (APIKeyHash(of: "key one, long enough"), APIKeyHash(of: "key two, long enough"))
        let (first, second) = (APIKeyHolder(keyID: .random(), name: "1"), APIKeyHolder(keyID: .random(), name: "2"))
        list.merge(AccessList.News(keys: [one: first]))
        let start = ContinuousClock.now
        list.revokeKey(first.keyID)
        list.add(second, key: two)
        #expect(list.holder(of: one) == nil && list.holder(of: two) == second)
        list.merge(AccessList.News(keys: [one: first]), from: start)
        #expect(list.holder(of: one) == nil && list.holder(of: two) == second)
        // One that began later knows better.
        list.merge(AccessList.News(keys: [one: first]))
        #expect(list.holder(of: one) == first && list.holder(of: two) == nil)
    }

    @Test("What has expired by itself is forgotten; keys are as the last reading says")
    func merging() {
        let list = AccessList()
        let key = APIKeyHash(of: "a key that is long enough")
        let holder = APIKeyHolder(keyID: .random(), name: "game")
        list.merge(
            AccessList.News(
                revoked: [.random(): now.advanced(bySeconds: 10)],
                validFrom: [.random(): now.advanced(bySeconds: 10 - Tokens.lifetime)], keys: [key: holder]), at: now)
        #expect(list.counts == (revoked: 1, people: 1, keys: 1))
        #expect(list.holder(of: key) == holder)
        list.merge(AccessList.News(), at: now.advanced(bySeconds: 11))
        #expect(list.counts == (revoked: 1, people: 1, keys: 0), "clocks may differ")
        list.merge(AccessList.News(), at: now.advanced(bySeconds: 11 + RevokedTokens.clockDifference))
        #expect(list.counts == (revoked: 0, people: 0, keys: 0))
        #expect(list.holder(of: key) == nil)
    }
}
