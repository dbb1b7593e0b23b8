import Glibc
import Reactor
import Testing

@Suite("The reactor")
struct ReactorTests {
    /// Two connected sockets, closed afterwards.
    private func withSockets(_ body: (Int32, Int32) async throws -> Void) async throws {
        var ends: [Int32] = [0, 0]
        #expect(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
        let (left, right) = (ends[0], ends[1])
        do { try await body(left, right) } catch {
            close(left)
            close(right)
            throw error
        }
        close(left)
        close(right)
    }

    @Test("Returns when there is something to read, and again for the next thing")
    func readable() async throws {
        try await withSockets { left, right in
            for _ in 0..<200 {
                async let ready: Void = Reactor.shared.ready(left, for: .readable, before: .now + .seconds(5))
                var byte: UInt8 = 1
                #expect(write(right, &byte, 1) == 1)
                try await ready
                #expect(read(left, &byte, 1) == 1)
            }
            try await Reactor.shared.ready(left, for: .writable)
        }
    }

    @Test("A hung-up peer counts as ready")
    func hangUp() async throws {
        try await withSockets { left, right in
            shutdown(right, Int32(SHUT_RDWR))
            try await Reactor.shared.ready(left, for: .readable, before: .now + .seconds(5))
        }
    }

    @Test("A deadline, a cancellation and a forgotten descriptor end a wait")
    func endings() async throws {
        try await withSockets { left, _ in
            await #expect(throws: WaitError.deadline) {
                try await Reactor.shared.ready(left, for: .readable, before: .now + .milliseconds(10))
            }
            let cancelled = Task { try await Reactor.shared.ready(left, for: .readable) }
            cancelled.cancel()
            await #expect(throws: WaitError.cancelled) { try await cancelled.value }
            let (started, start) = AsyncStream<Void>.makeStream()
            let forgotten = Task {
                start.yield()
                try await Reactor.shared.ready(left, for: .readable, before: .now + .seconds(20))
            }
            for await _ in started { break }
            let watch = Task {
                while !Task.isCancelled {
                    Reactor.shared.forget(left)
                    await Task.yield()
                }
            }
            await #expect(throws: WaitError.closed) { try await forgotten.value }
            watch.cancel()
        }
    }

    @Test("A descriptor the kernel refuses is an error, not a hang")
    func refused() async throws {
        await #expect(throws: WaitError.system(EBADF)) { try await Reactor.shared.ready(-1, for: .readable) }
    }

    @Test("Blocking calls run beside one another, up to the number of threads")
    func blockingCalls() async throws {
        let calls = BlockingCalls(threads: 2, queue: 100)
        let sum = try await withThrowingTaskGroup(of: Int.self) { group in
            for number in 1...50 { group.addTask { try await calls.run { number } } }
            return try await group.reduce(0, +)
        }
        #expect(sum == 1_275)
        #expect(calls.counts.running == 0)
    }
}
