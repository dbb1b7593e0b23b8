import CArgon2

/// What libargon2 refused to do, with its own words for it.
struct Argon2Error: Error, CustomStringConvertible {
    let code: Int32

    var description: String {
        argon2_error_message(code).map { "argon2: " + String(cString: $0) } ?? "argon2: error \(code)"
    }
}

/// The two calls into libargon2. They block for as long as a hash takes.
enum Argon2 {
    static let saltBytes = 16
    static let hashBytes = 32

    /// The encoded Argon2id hash of `password` with a new random salt.
    static func hash(_ password: [UInt8], _ parameters: PasswordParameters) throws -> String {
        let salt = random(saltBytes)
        let capacity = argon2_encodedlen(
            parameters.passes, parameters.memory, parameters.lanes, UInt32(saltBytes), UInt32(hashBytes), Argon2_id)
        var encoded = [CChar](repeating: 0, count: Int(capacity))
        try check(
            argon2id_hash_encoded(
                parameters.passes, parameters.memory, parameters.lanes, password, password.count, salt, salt.count,
                hashBytes, &encoded, encoded.count))
        return String(decoding: encoded.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// Whether `encoded` is the hash of `password`; the comparison takes the same time either way.
    static func verify(_ encoded: String, _ password: [UInt8]) throws -> Bool {
        let code = argon2id_verify(encoded, password, password.count)
        if code == ARGON2_VERIFY_MISMATCH.rawValue { return false }
        try check(code)
        return true
    }

    /// An encoded hash that no password has, and that costs as much to verify as any other of these parameters.
    static func unmatchable(_ parameters: PasswordParameters) -> String {
        "$argon2id$v=19$m=\(parameters.memory),t=\(parameters.passes),p=\(parameters.lanes)$"
            + base64(random(saltBytes)) + "$" + base64(random(hashBytes))
    }

    private static func check(_ code: Int32) throws {
        guard code == ARGON2_OK.rawValue else { throw Argon2Error(code: code) }
    }

    private static func random(_ count: Int) -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return (0..<count).map { _ in generator.next() }
    }

    /// Base64 without padding, as the encoded form wants it.
    private static func base64(_ bytes: [UInt8]) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
        var text = ""
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
        return text
    }
}
