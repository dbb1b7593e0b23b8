import Streams

/// Where a walk through a group's pending entries stands, and when the next one begins.
struct Sweep {
    let interval: Duration
    private(set) var position = StreamID.zero
    private var next: ContinuousClock.Instant

    init(interval: Duration) {
        self.interval = interval
        next = .now + interval
    }

    var isDue: Bool { .now >= next }

    mutating func moved(to position: StreamID?) {
        self.position = position ?? .zero
        if position == nil { next = .now + interval }
    }
}
