import Crypto
import Domain
import FoundationEssentials
import JWTKit
import Storage

/// Who a token speaks for, once it has been verified.
public struct Bearer: Hashable, Sendable {
    public let userID: Identifier
    /// The token's own id, which is the id of the sign-in event it was given for.
    public let tokenID: Identifier
    public let role: User.Role
    /// Whole milliseconds when the sign-in was asked for, from the token's id.
    public let issuedAt: Timestamp
    public let expiresAt: Timestamp
    /// `tokens_valid_from` of the account when its password was checked; nil in tokens of version 4.
    public let accountValidFrom: Timestamp?

    public init(
        userID: Identifier, tokenID: Identifier, role: User.Role, issuedAt: Timestamp, expiresAt: Timestamp,
        accountValidFrom: Timestamp? = nil
    ) {
        self.userID = userID
        self.tokenID = tokenID
        self.role = role
        self.issuedAt = issuedAt
        self.expiresAt = expiresAt
        self.accountValidFrom = accountValidFrom
    }

    /// Whether the account, whose `tokens_valid_from` is `moment`, has changed since the password was checked.
    public func isVoid(from moment: Timestamp) -> Bool {
        accountValidFrom.map { $0 < moment } ?? (issuedAt <= moment)
    }
}

/// The text is not a token of ours, or not any more.
public struct TokenRefusal: Error, Sendable, CustomStringConvertible {
    public let reason: String

    public var description: String { reason }
}

/// Makes and reads access tokens: JWT (RFC 7519) with HMAC-SHA-256 and nothing else. The `kid` of a token names the secret
/// it was signed with, so that secrets can be exchanged one after the other.
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
        /// `tokens_valid_from` of the account, in milliseconds.
        let validFrom: Int64?

        private enum CodingKeys: String, CodingKey {
            case sub, jti, iat, exp, role
            case validFrom = "valid_from"
        }

        /// The caller compares the times itself, against its own clock.
        func verify(using algorithm: some JWTAlgorithm) async throws {}
    }

    private struct Header: Decodable {
        let alg: String
        let kid: String
        let typ: String?
        /// Extensions that must be understood (RFC 7515, section 4.1.11): none is.
        let isPlain: Bool

        private enum Name: String, CodingKey {
            case alg, kid, typ, crit, b64
        }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Name.self)
            alg = try container.decode(String.self, forKey: .alg)
            kid = try container.decode(String.self, forKey: .kid)
            typ = try container.decodeIfPresent(String.self, forKey: .typ)
            isPlain = !container.contains(.crit) && !container.contains(.b64)
        }
    }

    private let keys: JWTKeyCollection
    /// Of the secret that signs.
    private let keyID: JWKIdentifier
    /// Of all secrets that verify.
    private let keyIDs: Set<String>

    /// - Parameters:
    ///   - secret: signs and verifies; at least `minimumSecretBytes`, the same for every front.
    ///   - previous: only verify, for tokens that were signed before the secret was exchanged.
    public init(secret: String, previous: [String] = []) async {
        keys = JWTKeyCollection()
        keyID = Tokens.keyID(of: secret)
        keyIDs = Set(([secret] + previous).map { Tokens.keyID(of: $0).string })
        for secret in previous + [secret] {
            await keys.add(hmac: HMACKey(from: secret), digestAlgorithm: .sha256, kid: Tokens.keyID(of: secret))
        }
    }

    private static func keyID(of secret: String) -> JWKIdentifier {
        let digest = SHA256.hash(data: Array("questline key id".utf8) + Array(secret.utf8))
        return JWKIdentifier(string: digest.prefix(8).map(Tokens.hexadecimal).joined())
    }

    /// A token for the sign-in event `tokenID`, a version 7 identifier made at the moment of the sign-in.
    ///
    /// - Parameter accountValidFrom: `tokens_valid_from` as it was read together with the password hash.
    public func issue(
        for userID: Identifier, tokenID: Identifier, role: User.Role, accountValidFrom: Timestamp? = nil
    ) async throws -> String {
        let issued = Tokens.moment(of: tokenID).milliseconds / 1_000
        let claims = Claims(
            sub: userID, jti: tokenID, iat: issued, exp: issued + Tokens.lifetime, role: role,
            validFrom: accountValidFrom?.milliseconds)
        return try await keys.sign(claims, kid: keyID)
    }

    /// Whom the token speaks for. Whether it was revoked since is for `AccessList` to say.
    ///
    /// - Throws: `TokenRefusal`.
    public func verify(_ token: String, at now: Timestamp = .now) async throws -> Bearer {
        guard token.utf8.count <= Tokens.longestToken else { throw TokenRefusal(reason: "the token is too long") }
        try checkForm(of: token)
        let claims: Claims
        do {
            claims = try await keys.verify(token)
        } catch {
            throw TokenRefusal(reason: "the token is not valid")
        }
        let expiry = Timestamp(
            milliseconds: max(0, min(claims.exp, Timestamp.range.upperBound / 1_000)) * 1_000)
        guard now < expiry else { throw TokenRefusal(reason: "the token has expired") }
        return Bearer(
            userID: claims.sub, tokenID: claims.jti, role: claims.role, issuedAt: Tokens.moment(of: claims.jti),
            expiresAt: expiry, accountValidFrom: claims.validFrom.flatMap(Tokens.timestamp))
    }

    /// The header is read before anything else, for it must not choose how it is checked: one algorithm, a `kid` of ours.
    /// And a token is written in one way only, so that a changed letter is never the same token.
    private func checkForm(of token: String) throws {
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, let bytes = Base64URL.decode(parts[0]), Base64URL.decode(parts[1]) != nil,
            Base64URL.decode(parts[2])?.count == SHA256.byteCount,
            let header = try? JSONDecoder().decode(Header.self, from: Data(bytes))
        else { throw TokenRefusal(reason: "the token is not valid") }
        guard header.alg == "HS256", header.isPlain, header.typ.map({ $0.uppercased() == "JWT" }) ?? true else {
            throw TokenRefusal(reason: "the token is of another kind")
        }
        guard keyIDs.contains(header.kid) else { throw TokenRefusal(reason: "the token's key is not in use") }
    }

    /// The time in a version 7 identifier.
    static func moment(of id: Identifier) -> Timestamp {
        Timestamp(milliseconds: Int64(id.high >> 16))
    }

    private static func timestamp(_ milliseconds: Int64) -> Timestamp? {
        Timestamp.range.contains(milliseconds) ? Timestamp(milliseconds: milliseconds) : nil
    }

    private static func hexadecimal(_ byte: UInt8) -> String {
        (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }
}

/// Base64 with the URL alphabet and without padding (RFC 7515, section 2).
enum Base64URL {
    /// - Returns: nil for anything that is not written exactly as an encoder writes it.
    static func decode(_ text: some StringProtocol) -> [UInt8]? {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count * 3 / 4)
        var bits: UInt32 = 0
        var count = 0
        for character in text.utf8 {
            guard let digit = digit(character) else { return nil }
            bits = bits << 6 | digit
            count += 6
            if count >= 8 {
                count -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
                bits &= (1 << UInt32(count)) - 1
            }
        }
        // What is left over must be less than a digit, and nothing but zeros.
        return count < 6 && bits == 0 ? bytes : nil
    }

    private static func digit(_ character: UInt8) -> UInt32? {
        switch character {
        case 0x41...0x5a: UInt32(character) - 0x41
        case 0x61...0x7a: UInt32(character) - 0x61 + 26
        case 0x30...0x39: UInt32(character) - 0x30 + 52
        case 0x2d: 62
        case 0x5f: 63
        default: nil
        }
    }
}
