import Domain
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
        #expect(list.refusal(of: bearer(issued: now, user: user)) == nil)
        #expect(list.refusal(of: bearer(issued: now.advanced(bySeconds: -60))) == nil)
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
        #expect(list.counts == (revoked: 0, people: 0, keys: 0))
        #expect(list.holder(of: key) == nil)
    }
}
