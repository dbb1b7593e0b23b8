import Dispatch
import Foundation
import Glibc
import Reactor
import Synchronization
import Testing

/// What the three ways of waiting for a C library cost, side by side: the figures of
/// `ops/decisions/0001-blocking-c-calls.md`. Run with `QUESTLINE_BENCH=1 ops/test --filter WaitingCosts`.
@Suite("WaitingCosts", .enabled(if: ProcessInfo.processInfo.environment["QUESTLINE_BENCH"] != nil), .serialized)
struct WaitingCosts {
    /// A peer on a thread of its own that answers each byte after `delay` microseconds.
    private final class Echo: Sendable {
        let descriptor: Int32
        private let peer: Int32

        init(delay: useconds_t = 0) {
            var ends: [Int32] = [0, 0]
            _ = socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends)
            (descriptor, peer) = (ends[0], ends[1])
            let peer = self.peer
            Thread.detachNewThread {
                var byte: UInt8 = 0
                while recv(peer, &byte, 1, 0) == 1 {
                    if delay > 0 { Glibc.usleep(delay) }
                    _ = send(peer, &byte, 1, Int32(MSG_NOSIGNAL))
                }
                close(peer)
            }
        }

        deinit { close(descriptor) }
    }

    private final class Flag: Sendable {
        let value = Atomic(false)
    }

    private final class Worst: Sendable {
        private let milliseconds = Mutex(0.0)
        var value: Double { milliseconds.withLock { $0 } }

        func note(_ delay: Double) { milliseconds.withLock { $0 = max($0, delay) } }
    }

    private static func exchangeBlocking(_ descriptor: Int32) {
        var byte: UInt8 = 1
        _ = send(descriptor, &byte, 1, 0)
        _ = recv(descriptor, &byte, 1, 0)
    }

    private static func exchangeReady(_ descriptor: Int32) async throws {
        var byte: UInt8 = 1
        _ = send(descriptor, &byte, 1, 0)
        try await Reactor.shared.ready(descriptor, for: .readable)
        _ = recv(descriptor, &byte, 1, 0)
    }

    private func microseconds(_ rounds: Int, _ body: () async throws -> Void) async rethrows -> Double {
        let start = ContinuousClock.now
        for _ in 0..<rounds { try await body() }
        return (ContinuousClock.now - start) / .microseconds(rounds)
    }

    @Test("One round trip, alternating")
    func roundTrip() async throws {
        let echo = Echo()
        let descriptor = echo.descriptor
        let threads = BlockingCalls(threads: 1, queue: 10)
        var samples: [(inline: Double, thread: Double, readiness: Double)] = []
        for _ in 0..<5 {
            let inline = await microseconds(5_000) { WaitingCosts.exchangeBlocking(descriptor) }
            let thread = try await microseconds(5_000) {
                try await threads.run { WaitingCosts.exchangeBlocking(descriptor) }
            }
            let readiness = try await microseconds(5_000) { try await WaitingCosts.exchangeReady(descriptor) }
            samples.append((inline: inline, thread: thread, readiness: readiness))
        }
        for sample in samples {
            print(
                String(
                    format: "round trip: inline %.1f us, own thread %.1f us (%.2f), readiness %.1f us (%.2f)",
                    sample.inline, sample.thread, sample.thread / sample.inline, sample.readiness,
                    sample.readiness / sample.inline))
        }
        #expect(samples.count == 5)
    }

    /// How late another task runs while eight wait 50 ms for their peers.
    private func worstDelay(_ wait: @escaping @Sendable (Int32) async throws -> Void) async throws -> Double {
        let echoes = (0..<8).map { _ in Echo(delay: 50_000) }
        let isDone = Flag()
        let worst = Worst()
        return try await withThrowingTaskGroup(of: Void.self) { group in
            for echo in echoes { group.addTask { for _ in 0..<4 { try await wait(echo.descriptor) } } }
            // Asked from a thread of its own: a task that asks could not run either.
            Thread.detachNewThread {
                let ran = DispatchSemaphore(value: 0)
                while !isDone.value.load(ordering: .relaxed) {
                    let asked = ContinuousClock.now
                    Task {
                        worst.note((ContinuousClock.now - asked) / .milliseconds(1))
                        ran.signal()
                    }
                    ran.wait()
                }
            }
            try await group.waitForAll()
            isDone.value.store(true, ordering: .relaxed)
            return worst.value
        }
    }

    @Test("How long everybody else waits")
    func starvation() async throws {
        for _ in 0..<3 {
            let inline = try await worstDelay { WaitingCosts.exchangeBlocking($0) }
            let readiness = try await worstDelay { try await WaitingCosts.exchangeReady($0) }
            print(String(format: "delay of others: inline %.1f ms, readiness %.1f ms", inline, readiness))
            #expect(inline >= 0 && readiness >= 0)
        }
    }
}
