#if canImport(Glibc)
import Glibc
#endif

/// The kernel's random numbers, fetched many at a time: each call of the system's own generator asks the kernel once.
public struct KernelRandom: RandomNumberGenerator {
    private var words: [UInt64]

    /// - Parameter words: how many are fetched at once; those that are asked for beyond them are fetched one by one.
    public init(words count: Int) {
        words = [UInt64](unsafeUninitializedCapacity: min(max(count, 0), KernelRandom.most)) { buffer, filled in
            let bytes = UnsafeMutableRawBufferPointer(buffer)
            var done = 0
            while done < bytes.count {
                let piece = bytes[done..<min(done + KernelRandom.piece, bytes.count)]
                guard let start = piece.base.baseAddress, getentropy(start + piece.startIndex, piece.count) == 0 else {
                    break
                }
                done += piece.count
            }
            filled = done / MemoryLayout<UInt64>.stride
        }
    }

    public mutating func next() -> UInt64 {
        words.popLast() ?? SystemRandomNumberGenerator.one()
    }

    private static let most = 2_048
    /// What the kernel gives at once.
    private static let piece = 256
}

extension SystemRandomNumberGenerator {
    fileprivate static func one() -> UInt64 {
        var system = SystemRandomNumberGenerator()
        return system.next()
    }
}
