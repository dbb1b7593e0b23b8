/// The calls that share one write: which bytes belong to whom, whose reply comes next, and what a break means to each.
struct WireGroup {
    private struct Place {
        let call: RedisCall
        /// When so many bytes are sent, the server may act on the call.
        let actsAt: Int
    }

    let bytes: [UInt8]
    /// How many bytes the kernel has taken.
    var sent = 0
    private let places: [Place]
    private var current = 0
    private var repliesOfCurrent = 0
    let commands: Int
    /// The server said that it takes no writes: another one may be the master by now.
    private(set) var sawReadOnly = false

    init(_ calls: [RedisCall]) {
        var buffer: [UInt8] = []
        buffer.reserveCapacity(calls.reduce(0) { $0 + $1.wire.bytes.count })
        places = calls.map { call in
            let start = buffer.count
            buffer.append(contentsOf: call.wire.bytes)
            return Place(call: call, actsAt: call.isAtomic ? buffer.count : start + call.wire.firstEnd)
        }
        bytes = buffer
        commands = calls.reduce(0) { $0 + $1.commands }
    }

    var isSent: Bool { sent == bytes.count }
    var isAnswered: Bool { current == places.count }

    /// Hands the reply to the call whose turn it is.
    ///
    /// - Returns: false if nobody waits for a reply: the two sides disagree about the protocol.
    mutating func take(_ reply: RedisReply) -> Bool {
        guard current < places.count else { return false }
        if reply.kind == .error, reply.error?.prefix == "READONLY" { sawReadOnly = true }
        let call = places[current].call
        call.take(reply)
        repliesOfCurrent += 1
        if repliesOfCurrent == call.commands {
            current += 1
            repliesOfCurrent = 0
        }
        return true
    }

    /// Ends every call the server may have acted on.
    ///
    /// - Returns: the others, in order, and how many commands were ended or answered.
    func breakUp(_ error: RedisError) -> (unsent: [RedisCall], settled: Int) {
        var unsent: [RedisCall] = []
        for place in places[current...] {
            if sent < place.actsAt {
                unsent.append(place.call)
            } else if error.code == .protocolViolation {
                place.call.fail(RedisError(.protocolViolation, place.call.operation, error.detail))
            } else {
                place.call.fail(detail: error.detail)
            }
        }
        return (unsent, commands - unsent.reduce(0) { $0 + $1.commands })
    }
}
