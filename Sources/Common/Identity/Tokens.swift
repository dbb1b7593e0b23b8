import Crypto
import Domain
import JWTKit
import Storage

/// Who a token speaks for, once it has been verified.
public struct Bearer: Hashable, Sendable {
    public let userID: Identifier
    /// The token's own id, which is the id of the sign-in event it was given for.
    public let tokenID: Identifier
    public let role: User.Role
    /// Whole milliseconds when the token was made, from its id: finer than the seconds of `iat`, so that a token made
    /// right after a change of password is told from one made right before.
    public let issuedAt: Timestamp
    public let expiresAt: Timestamp

    public init(userID: Identifier, tokenID: Identifier, role: User.Role, issuedAt: Timestamp, expiresAt: Timestamp) {
        self.userID = userID
        self.tokenID = tokenID
        self.role = role
        self.issuedAt = issuedAt
        self.expiresAt = expiresAt
    }
}

/// The text is not a token of ours, or not any more.
public struct TokenRefusal: Error, Sendable, CustomStringConvertible {
    public let reason: String

    public var description: String { reason }
}

/// Makes and reads access tokens: JWT (RFC 7519) with HMAC-SHA-256 and nothing else.
public struct Tokens: Sendable {
    /// How long a token is good for, in seconds: 8 hours, and there is no refresh.
    public static let lifetime: Int64 = 8 * 3_600
    /// What RFC 7518, section 3.2 asks of an HS256 key.
    public static let minimumSecretBytes = 32
    static let longestToken = 2_048

    private struct Claims: JWTPayload {
        let sub: Identifier
        let jti: Identifier
        let iat: Int64
        let exp: Int64
        let role: User.Role

        /// The caller compares the times itself, against its own clock.
        func verify(using algorithm: some JWTAlgorithm) async throws {}
    }

    private let keys: JWTKeyCollection
    private let keyID: JWKIdentifier

    /// - Parameter secret: at least `minimumSecretBytes`; the same for every front.
    public init(secret: String) async {
        let digest = SHA256.hash(data: Array("questline key id".utf8) + Array(secret.utf8))
        keyID = JWKIdentifier(string: digest.prefix(8).map(Tokens.hexadecimal).joined())
        keys = await JWTKeyCollection().add(
            hmac: HMACKey(from: secret), digestAlgorithm: .sha256, kid: keyID)
    }

    /// A token for the sign-in event `tokenID`, a version 7 identifier made at the moment of the sign-in.
    public func issue(for userID: Identifier, tokenID: Identifier, role: User.Role) async throws -> String {
        let issued = Tokens.moment(of: tokenID).milliseconds / 1_000
        return try await keys.sign(
            Claims(sub: userID, jti: tokenID, iat: issued, exp: issued + Tokens.lifetime, role: role), kid: keyID)
    }

    /// Whom the token speaks for. Whether it was revoked since is for `AccessList` to say.
    ///
    /// - Throws: `TokenRefusal`.
    public func verify(_ token: String, at now: Timestamp = .now) async throws -> Bearer {
        guard token.utf8.count <= Tokens.longestToken else { throw TokenRefusal(reason: "the token is too long") }
        let claims: Claims
        do {
            claims = try await keys.verify(token)
        } catch {
            throw TokenRefusal(reason: "the token is not valid")
        }
        let expiry = Timestamp(milliseconds: min(claims.exp, Timestamp.range.upperBound / 1_000) * 1_000)
        guard now < expiry else { throw TokenRefusal(reason: "the token has expired") }
        return Bearer(
            userID: claims.sub, tokenID: claims.jti, role: claims.role, issuedAt: Tokens.moment(of: claims.jti),
            expiresAt: expiry)
    }

    /// The time in a version 7 identifier.
    static func moment(of id: Identifier) -> Timestamp {
        Timestamp(milliseconds: Int64(id.high >> 16))
    }

    private static func hexadecimal(_ byte: UInt8) -> String {
        (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }
}
