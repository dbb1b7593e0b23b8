import Crypto
import Domain

extension Completion {
    /// The id of a completion: a version 8 UUID made of the first bits of SHA-256 over person, quest and ordinal, so that
    /// whoever computes it again gets the same. `processing.completion_id` in the database computes the same.
    public static func id(userID: Identifier, questID: Identifier, ordinal: Int32) -> Identifier {
        var hash = SHA256()
        hash.update(data: userID.bytes)
        hash.update(data: questID.bytes)
        hash.update(data: (0..<4).map { UInt8(truncatingIfNeeded: ordinal >> Int32(24 - $0 * 8)) })
        let digest = Array(hash.finalize())
        guard let whole = Identifier(bytes: digest) else { return Identifier(high: 0, low: 0).marked(version: 8) }
        return whole.marked(version: 8)
    }
}
