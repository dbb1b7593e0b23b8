import Domain
import Logging
import Metrics
import Reactor
import Runtime
import ServiceLifecycle
import Storage
import Streams
import Synchronization

/// Publishes events that are safe in the outbox, at once and many together, and notes that in their rows.
///
/// It is an accelerator only: what it does not get done, because it is full, stopped or Redis is away, the relay of the
/// workers does a second later.
final class Forwarder: Service {
    static let capacity = 10_000
    static let group = 500

    private struct Kept {
        let event: SignInEvent
        let row: Int64
    }

    private let producer: Producer
    private let outbox: SignInOutbox
    private let waiting = Mutex<[Kept]>([])
    private let wakeups: AsyncStream<Void>
    private let wakeup: AsyncStream<Void>.Continuation
    private let left = Counter(label: "quest_left_to_relay_total")

    init(producer: Producer, outbox: SignInOutbox) {
        self.producer = producer
        self.outbox = outbox
        (wakeups, wakeup) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// - Parameter rows: the outbox rows of the events, in the same order.
    func offer(_ events: [SignInEvent], rows: [Int64]) {
        let taken = waiting.withLock { waiting in
            guard waiting.count + events.count <= Forwarder.capacity else { return false }
            waiting += zip(events, rows).map(Kept.init)
            return true
        }
        if taken { wakeup.yield() } else { left.increment(by: events.count) }
    }

    func run() async throws {
        for await _ in wakeups.cancelOnGracefulShutdown() {
            await forward()
        }
        await forward()
    }

    /// Publishes first and notes it afterwards: the other order could lose an event.
    private func forward() async {
        while true {
            let group = waiting.withLock { waiting in
                let group = Array(waiting.prefix(Forwarder.group))
                waiting.removeFirst(group.count)
                return group
            }
            guard !group.isEmpty else { return }
            do {
                try await producer.publish(group.map(\.event), within: .seconds(2))
                try await outbox.published(group.map(\.row))
            } catch {
                left.increment(by: group.count)
            }
        }
    }
}
