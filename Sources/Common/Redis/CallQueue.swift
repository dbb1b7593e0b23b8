/// The decisions of a client, without a socket: which calls are let in, wait, go out together, and are given up.
struct CallQueue {
    enum Admission {
        case refused(RedisError)
        /// `startPump`: nobody serves the queue yet; `startClock`: nobody looks at the deadlines as early as this call's.
        case accepted(startPump: Bool, startClock: Bool)
    }

    private let limit: Int
    private var waiting: [RedisCall] = []
    /// Every admitted call in order of its deadline, until it is over.
    private var watched: [RedisCall] = []
    private var watchedStart = 0
    /// Commands that wait or are on the wire; those on the wire count until their replies came, whoever gave up.
    private(set) var outstanding = 0
    private(set) var isServed = false
    /// When the clock looks at the deadlines; nil while nobody does.
    private var wakesAt: ContinuousClock.Instant?
    private var isClosed = false
    private var backsOffUntil: ContinuousClock.Instant?
    private var lastFailure: RedisError?

    init(limit: Int) {
        self.limit = limit
    }

    mutating func admit(_ call: RedisCall, now: ContinuousClock.Instant) -> Admission {
        let operation = call.operation
        if isClosed { return .refused(RedisError(.unavailable, operation, "the client is closed")) }
        if let until = backsOffUntil, now < until, let failure = lastFailure {
            return .refused(RedisError(.unavailable, operation, failure.detail, prefix: failure.prefix))
        }
        if outstanding + call.commands > limit { dropFinished() }
        if outstanding + call.commands > limit {
            return .refused(RedisError(.queueFull, operation, "\(outstanding) commands, \(limit) are allowed"))
        }
        outstanding += call.commands
        waiting.append(call)
        forgetFinished()
        watch(call)
        let mustWake = wakesAt.map { call.deadline < $0 } ?? true
        if mustWake { wakesAt = call.deadline }
        defer { isServed = true }
        return .accepted(startPump: !isServed, startClock: mustWake)
    }

    /// Everything that waits and still matters, to be sent as one group.
    mutating func takeGroup() -> [RedisCall] {
        let group = waiting.filter { call in
            let isWanted = call.beginSending()
            if !isWanted { outstanding -= call.commands }
            return isWanted
        }
        waiting.removeAll(keepingCapacity: true)
        return group
    }

    /// Calls of a broken connection that were not sent stand first in line for the next one.
    mutating func putBack(_ calls: [RedisCall]) {
        for call in calls { call.wasNotSent() }
        waiting.insert(contentsOf: calls, at: 0)
    }

    /// The replies of so many commands came, or will never come.
    mutating func settle(commands: Int) {
        outstanding -= commands
    }

    /// - Returns: whoever waited for this connection and is to be told that there is none.
    mutating func connectFailed(_ error: RedisError, until: ContinuousClock.Instant) -> [RedisCall] {
        backsOffUntil = until
        lastFailure = error
        return takeWaiting()
    }

    mutating func connected() {
        backsOffUntil = nil
        lastFailure = nil
    }

    /// - Returns: false if calls wait, so that the pump must go on.
    mutating func endService() -> Bool {
        guard waiting.isEmpty else { return false }
        isServed = false
        return true
    }

    /// Admits nothing from now on; what was admitted is still served.
    mutating func close() {
        isClosed = true
    }

    /// Calls whose deadline has passed, and when to look again; nil when there is nothing left to watch, or when a clock
    /// that was started later looks earlier.
    ///
    /// - Parameter clock: when the clock that asks was to look.
    mutating func expire(
        now: ContinuousClock.Instant, clock: ContinuousClock.Instant
    ) -> (late: [RedisCall], next: ContinuousClock.Instant?) {
        guard clock == wakesAt else { return ([], nil) }
        var late: [RedisCall] = []
        while watchedStart < watched.count {
            let call = watched[watchedStart]
            if !call.isOver {
                guard call.deadline <= now else { break }
                late.append(call)
            }
            watchedStart += 1
        }
        compactWatched()
        wakesAt = watchedStart < watched.count ? watched[watchedStart].deadline : nil
        return (late, wakesAt)
    }

    /// Nearly all have the same time to live, so that the newest stands last.
    private mutating func watch(_ call: RedisCall) {
        var place = watched.count
        while place > watchedStart, watched[place - 1].deadline > call.deadline { place -= 1 }
        watched.insert(call, at: place)
    }

    /// For tests: how many calls are remembered for their deadline.
    var watchedCount: Int { watched.count }

    private mutating func takeWaiting() -> [RedisCall] {
        defer { waiting.removeAll() }
        for call in waiting { outstanding -= call.commands }
        return waiting
    }

    /// Cancelled and expired calls give their places up.
    private mutating func dropFinished() {
        waiting.removeAll { call in
            let isOver = call.isOver
            if isOver { outstanding -= call.commands }
            return isOver
        }
    }

    /// Calls end nearly in order, so looking at two per new call keeps the list as long as what is outstanding.
    private mutating func forgetFinished() {
        for _ in 0..<2 where watchedStart < watched.count && watched[watchedStart].isOver { watchedStart += 1 }
        compactWatched()
    }

    private mutating func compactWatched() {
        guard watchedStart >= 64 || watchedStart == watched.count, watchedStart * 2 >= watched.count else { return }
        watched.removeFirst(watchedStart)
        watchedStart = 0
    }
}
