/// An Argon2id hash in the form that the reference implementation writes and everybody reads:
/// `$argon2id$v=19$m=19456,t=2,p=1$salt$hash`, both in Base64 without padding.
struct EncodedHash: Equatable {
    let parameters: PasswordParameters
    let salt: [UInt8]
    let hash: [UInt8]

    init(parameters: PasswordParameters, salt: [UInt8], hash: [UInt8]) {
        self.parameters = parameters
        self.salt = salt
        self.hash = hash
    }

    /// Nil for any other form, and for one that would cost more than this process may spend on it.
    init?(_ text: String) {
        let parts = text.split(separator: "$", omittingEmptySubsequences: false)
        guard parts.count == 6, parts[0].isEmpty, parts[1] == "argon2id", parts[2] == "v=19" else { return nil }
        let costs = parts[3].split(separator: ",")
        guard costs.count == 3,
            let memory = EncodedHash.cost("m", costs[0]), let passes = EncodedHash.cost("t", costs[1]),
            let lanes = EncodedHash.cost("p", costs[2]),
            let salt = EncodedHash.decode(parts[4]), let hash = EncodedHash.decode(parts[5]),
            (8...64).contains(salt.count), (16...64).contains(hash.count)
        else { return nil }
        parameters = PasswordParameters(memory: memory, passes: passes, lanes: lanes)
        guard parameters.isWithin(.ceiling) else { return nil }
        self.salt = salt
        self.hash = hash
    }

    /// A hash that no password has, and that costs as much to check as any other of these parameters.
    static func unmatchable(_ parameters: PasswordParameters) -> EncodedHash {
        EncodedHash(parameters: parameters, salt: random(Argon2.saltBytes), hash: random(Argon2.hashBytes))
    }

    var text: String {
        "$argon2id$v=19$m=\(parameters.memory),t=\(parameters.passes),p=\(parameters.lanes)$"
            + EncodedHash.encode(salt) + "$" + EncodedHash.encode(hash)
    }

    /// Whether the hash is `other`; takes the same time wherever they differ.
    func equals(_ other: [UInt8]) -> Bool {
        guard hash.count == other.count else { return false }
        // `|` and `^` bind equally in Swift: without these parentheses one wrong hash in 256 would pass.
        return zip(hash, other).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }

    static func random(_ count: Int) -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return (0..<count).map { _ in generator.next() }
    }

    private static func cost(_ name: Character, _ text: Substring) -> UInt32? {
        guard text.first == name, text.dropFirst().first == "=" else { return nil }
        return UInt32(text.dropFirst(2))
    }

    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    private static func encode(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        var bits: UInt32 = 0
        var count = 0
        for byte in bytes {
            bits = bits << 8 | UInt32(byte)
            count += 8
            while count >= 6 {
                count -= 6
                text.append(alphabet[Int(bits >> UInt32(count) & 0x3f)])
            }
        }
        if count > 0 { text.append(alphabet[Int(bits << UInt32(6 - count) & 0x3f)]) }
        return String(decoding: text, as: UTF8.self)
    }

    private static func decode(_ text: Substring) -> [UInt8]? {
        var bytes: [UInt8] = []
        var bits: UInt32 = 0
        var count = 0
        for character in text.utf8 {
            guard let digit = alphabet.firstIndex(of: character) else { return nil }
            bits = bits << 6 | UInt32(digit)
            count += 6
            if count >= 8 {
                count -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
            }
        }
        return bytes
    }
}
