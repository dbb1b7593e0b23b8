import Crypto
import Domain

extension Completion {
    /// The id of a completion: a version 8 UUID made of the first bits of SHA-256 over person, quest and ordinal, so that
    /// whoever computes it again gets the same. `processing.completion_id` in the database computes the same.
    public static func id(userID: Identifier, questID: Identifier, ordinal: Int32) -> Identifier {
        var input: [UInt8] = []
        input.reserveCapacity(36)
        for half in [userID.high, userID.low, questID.high, questID.low] { append(half, to: &input) }
        append(ordinal, to: &input)
        return SHA256.hash(data: input).withUnsafeBytes { digest in
            Identifier(
                high: UInt64(bigEndian: unsafe digest.loadUnaligned(as: UInt64.self)),
                low: UInt64(bigEndian: unsafe digest.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
            ).marked(version: 8)
        }
    }

    private static func append(_ number: some FixedWidthInteger, to bytes: inout [UInt8]) {
        for shift in stride(from: number.bitWidth - 8, through: 0, by: -8) {
            bytes.append(UInt8(truncatingIfNeeded: number >> shift))
        }
    }
}
