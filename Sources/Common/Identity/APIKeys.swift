import Crypto
import Domain

/// A key that a trusted system sends as `X-API-Key`. Only its SHA-256 is kept: a key is long and random, so it needs no
/// slow hash.
public struct APIKeyHash: Hashable, Sendable {
    public let bytes: [UInt8]

    public init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    public init(of key: String) {
        bytes = Array(SHA256.hash(data: Array(key.utf8)))
    }
}

/// A key that may be used.
public struct APIKeyHolder: Hashable, Sendable {
    public let keyID: Identifier
    public let name: String

    public init(keyID: Identifier, name: String) {
        self.keyID = keyID
        self.name = name
    }
}

public enum APIKeys {
    /// Shorter keys are refused without a look: nothing that short is a key.
    public static let lengths = 16...256

    /// A new key: 256 random bits that can be told from other secrets by their beginning.
    public static func generate() -> String {
        var generator = SystemRandomNumberGenerator()
        let words = (0..<4).map { _ in
            let digits = String(generator.next() as UInt64, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }
        return "ql_" + words.joined()
    }
}
