import Glibc
import Synchronization

/// One connection through a `FaultyProxy`, served by a thread of its own.
struct ProxiedLine {
    private struct HangUp: Error {}

    /// What happens to the next answer of the server.
    private enum Treatment {
        case pass
        case lose
        case hold
    }

    private let proxy: FaultyProxy
    private let client: Int32
    private let server: Int32
    private var requests: any RequestReader
    private var answers: any AnswerReader
    private var expected: [Treatment] = []
    /// The releases seen when the hold began; nil while nothing is held.
    private var heldSince: Int?
    private var isRequestHeld = false

    init(_ proxy: FaultyProxy, client: Int32, server: Int32) {
        self.proxy = proxy
        self.client = client
        self.server = server
        switch proxy.wire {
        case .redis: (requests, answers) = (RedisRequests(), RedisAnswers())
        case .postgres: (requests, answers) = (PostgresRequests(), PostgresAnswers())
        }
    }

    /// Returns when either side has hung up or a fault has cut them.
    mutating func serve() {
        defer { endHold() }
        do {
            while true { try step() }
        } catch {
            shutdown(client, Int32(SHUT_RDWR))
            shutdown(server, Int32(SHUT_RDWR))
        }
    }

    private mutating func step() throws {
        var polled = [
            pollfd(fd: client, events: isRequestHeld ? 0 : Int16(POLLIN), revents: 0),
            pollfd(fd: server, events: isHeld && !isRequestHeld ? 0 : Int16(POLLIN), revents: 0),
        ]
        guard poll(&polled, 2, isHeld ? 5 : -1) >= 0 || errno == EINTR else { throw HangUp() }
        if let heldSince, proxy.state.withLock({ $0.releases }) > heldSince {
            endHold()
            if isRequestHeld {
                isRequestHeld = false
                try forwardRequests(isReleased: true)
            }
            try forwardAnswers()
            return
        }
        for (side, found) in polled.enumerated() where found.revents != 0 {
            guard let bytes = ProxiedLine.receive(found.fd) else { throw HangUp() }
            if side == 0 {
                requests.append(bytes)
                try forwardRequests(isReleased: false)
            } else {
                answers.append(bytes)
                try forwardAnswers()
            }
        }
    }

    // MARK: Requests

    private mutating func forwardRequests(isReleased: Bool) throws {
        var isReleased = isReleased
        while !isRequestHeld, let frame = try requests.peek() {
            if let request = frame.request, !isReleased {
                switch proxy.state.withLock({ $0.script })(request) {
                case .none: expect(.pass, frame)
                case .cutBefore: throw HangUp()
                case .loseAnswer: expect(.lose, frame)
                case .holdAnswer: expect(.hold, frame)
                case .holdRequest:
                    isRequestHeld = true
                    beginHold()
                    return
                }
            } else {
                expect(.pass, frame)
            }
            isReleased = false
            requests.take(frame)
            try send(frame.bytes, to: server)
        }
    }

    /// In Postgres one answer ends a whole round trip; the worst that was wished for one of its statements happens to it.
    private mutating func expect(_ treatment: Treatment, _ frame: RequestFrame) {
        if frame.opensAnswer { expected.append(treatment) }
        if !frame.opensAnswer, let last = expected.indices.last, treatment != .pass { expected[last] = treatment }
    }

    // MARK: Answers

    private mutating func forwardAnswers() throws {
        while !(isHeld && !isRequestHeld), let answer = try answers.next() {
            switch expected.first ?? .pass {
            case .pass: break
            case .lose:
                if answer.isLast { throw HangUp() }
                continue
            case .hold:
                expected[0] = .pass
                answers.putBack(answer)
                beginHold()
                return
            }
            if answer.isLast, !expected.isEmpty { expected.removeFirst() }
            try send(answer.bytes, to: client)
        }
    }

    // MARK: Holding

    private var isHeld: Bool { heldSince != nil }

    private mutating func beginHold() {
        heldSince = proxy.state.withLock { state in
            state.held += 1
            return state.releases
        }
    }

    private mutating func endHold() {
        guard heldSince != nil else { return }
        heldSince = nil
        proxy.state.withLock { $0.held -= 1 }
    }

    // MARK: Bytes

    private static func receive(_ descriptor: Int32) -> ArraySlice<UInt8>? {
        var chunk = [UInt8](repeating: 0, count: 65_536)
        let count = read(descriptor, &chunk, chunk.count)
        return count > 0 ? chunk[..<count] : nil
    }

    private func send(_ bytes: [UInt8], to descriptor: Int32) throws {
        let (allowed, isCut) = proxy.state.withLock { state in
            guard let left = state.bytesToCut else { return (bytes.count, false) }
            state.bytesToCut = left > bytes.count ? left - bytes.count : nil
            return (min(left, bytes.count), left <= bytes.count)
        }
        var sent = 0
        while sent < allowed {
            let count = bytes[sent..<allowed].withUnsafeBytes { rest in
                Glibc.send(descriptor, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw HangUp() }
            sent += count
        }
        if isCut { throw HangUp() }
    }
}
