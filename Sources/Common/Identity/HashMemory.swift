import Glibc
import Synchronization

/// The working memory of hashes: taken from the system for the first one, lent to the next ones while there are any, and
/// given back once nobody has hashed for a moment.
///
/// To take 19 MiB from the system anew for each hash costs as much time as the hash itself, in page faults; to keep it
/// for ever, as glibc would, costs it once per thread in a process that mostly waits.
final class HashMemory: Sendable {
    static let shared = HashMemory()

    /// How long memory is kept that nobody uses.
    static let patience = Duration.seconds(1)

    private struct Block: @unchecked Sendable {
        let start: UnsafeMutableRawPointer
        let size: Int
        let since: ContinuousClock.Instant
    }

    private struct State {
        var idle: [Block] = []
        var lent = 0
        var isWatched = false
    }

    private let state = Mutex(State())

    /// Bytes that are idle now, for tests.
    var idleBytes: Int { state.withLock { $0.idle.reduce(0) { $0 + $1.size } } }

    func take(_ size: Int) -> UnsafeMutableRawPointer? {
        let kept = state.withLock { state -> Block? in
            guard let index = state.idle.lastIndex(where: { $0.size == size }) else { return nil }
            return state.idle.remove(at: index)
        }
        if let kept { return kept.start }
        let start = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard let start, start != MAP_FAILED else { return nil }
        // Where the kernel has large pages they save most of the page faults; where not, nothing is lost.
        madvise(start, size, MADV_HUGEPAGE)
        return start
    }

    func giveBack(_ start: UnsafeMutableRawPointer, _ size: Int) {
        let mustWatch = state.withLock { state in
            state.idle.append(Block(start: start, size: size, since: .now))
            defer { state.isWatched = true }
            return !state.isWatched
        }
        if mustWatch { watch() }
    }

    /// Frees blocks as they get old, and ends when none are left.
    private func watch() {
        Task.detached { [self] in
            while true {
                try? await Task.sleep(for: HashMemory.patience)
                let now = ContinuousClock.now
                let (old, isDone) = state.withLock { state in
                    let old = state.idle.filter { $0.since + HashMemory.patience <= now }
                    state.idle.removeAll { $0.since + HashMemory.patience <= now }
                    state.isWatched = !state.idle.isEmpty
                    return (old, state.idle.isEmpty)
                }
                for block in old { munmap(block.start, block.size) }
                if isDone { return }
            }
        }
    }
}
