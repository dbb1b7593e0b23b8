/// A piece of what a client sends, whole.
struct RequestFrame {
    let bytes: [UInt8]
    /// What the server is asked to do by it, if anything.
    let request: FaultyProxy.Request?
    /// Whether the server will answer something new to it.
    let opensAnswer: Bool
}

/// A piece of what a server sends, whole.
struct AnswerFrame {
    let bytes: [UInt8]
    /// Whether the answer ends with it.
    let isLast: Bool
}

/// Cuts a client's bytes into requests.
protocol RequestReader {
    mutating func append(_ bytes: ArraySlice<UInt8>)

    /// The next whole piece, which stays there until it is taken.
    func peek() throws -> RequestFrame?
    mutating func take(_ frame: RequestFrame)
}

/// Cuts a server's bytes into answers.
protocol AnswerReader {
    mutating func append(_ bytes: ArraySlice<UInt8>)
    mutating func next() throws -> AnswerFrame?
    mutating func putBack(_ frame: AnswerFrame)
}

/// Bytes that came and are not dealt with.
struct PendingBytes {
    private(set) var bytes: ArraySlice<UInt8> = []

    mutating func append(_ more: ArraySlice<UInt8>) {
        // A fresh array, so that its indices begin at 0 and what is dealt with is freed.
        bytes = bytes.isEmpty ? more[...] : ArraySlice(Array(bytes) + more)
    }

    mutating func remove(_ count: Int) -> [UInt8] {
        defer { bytes = bytes.dropFirst(count) }
        return Array(bytes.prefix(count))
    }

    mutating func putBack(_ front: [UInt8]) {
        bytes = ArraySlice(front + Array(bytes))
    }
}

/// The peer speaks something else.
struct WireFault: Error {}

// MARK: Redis

/// RESP2: reads how long one value is.
private enum RESP {
    /// - Returns: where the value that begins at `start` ends, or nil if it is not there as a whole.
    static func end(of bytes: ArraySlice<UInt8>, from start: Int) throws -> Int? {
        guard let line = line(bytes, from: start), let kind = bytes[start...].first else { return nil }
        let number = Int(line.text.dropFirst())
        switch kind {
        case UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: ":"): return line.end
        case UInt8(ascii: "$"):
            guard let number else { throw WireFault() }
            let end = number < 0 ? line.end : line.end + number + 2
            return end <= bytes.endIndex ? end : nil
        case UInt8(ascii: "*"):
            guard let number else { throw WireFault() }
            var end = line.end
            for _ in 0..<max(0, number) {
                guard let next = try self.end(of: bytes, from: end) else { return nil }
                end = next
            }
            return end
        default: throw WireFault()
        }
    }

    static func line(_ bytes: ArraySlice<UInt8>, from start: Int) -> (text: String, end: Int)? {
        guard start < bytes.endIndex, let newline = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) else {
            return nil
        }
        return (String(decoding: bytes[start..<max(start, newline - 1)], as: UTF8.self), newline + 1)
    }
}

struct RedisRequests: RequestReader {
    private var pending = PendingBytes()

    mutating func append(_ bytes: ArraySlice<UInt8>) { pending.append(bytes) }

    func peek() throws -> RequestFrame? {
        let bytes = pending.bytes
        guard let end = try RESP.end(of: bytes, from: bytes.startIndex) else { return nil }
        var words: [String] = []
        var position = RESP.line(bytes, from: bytes.startIndex)?.end ?? end
        while words.count < 4, position < end, let line = RESP.line(bytes, from: position) {
            guard let next = try RESP.end(of: bytes, from: position) else { break }
            words.append(String(decoding: bytes[line.end..<max(line.end, next - 2)].prefix(200), as: UTF8.self))
            position = next
        }
        let text = words.joined(separator: " ")
        return RequestFrame(
            bytes: Array(bytes[..<end]), request: .init(text: text, roundTrip: [text]), opensAnswer: true)
    }

    mutating func take(_ frame: RequestFrame) { _ = pending.remove(frame.bytes.count) }
}

struct RedisAnswers: AnswerReader {
    private var pending = PendingBytes()

    mutating func append(_ bytes: ArraySlice<UInt8>) { pending.append(bytes) }

    mutating func next() throws -> AnswerFrame? {
        let bytes = pending.bytes
        guard let end = try RESP.end(of: bytes, from: bytes.startIndex) else { return nil }
        return AnswerFrame(bytes: pending.remove(end - bytes.startIndex), isLast: true)
    }

    mutating func putBack(_ frame: AnswerFrame) { pending.putBack(frame.bytes) }
}

// MARK: Postgres, protocol 3.0

/// A message is a byte for its kind, unless it is the first of a client, and its length with the length itself.
private func messageEnd(of bytes: ArraySlice<UInt8>, hasKind: Bool) -> Int? {
    let start = bytes.startIndex + (hasKind ? 1 : 0)
    guard bytes.endIndex >= start + 4 else { return nil }
    let length = bytes[start..<start + 4].reduce(0) { $0 << 8 | Int($1) }
    return start + length <= bytes.endIndex ? start + length : nil
}

struct PostgresRequests: RequestReader {
    private var pending = PendingBytes()
    private var hasStarted = false
    private var texts: [String: String] = [:]
    private var roundTrip: [String] = []
    private var isInRoundTrip = false
    /// Between BEGIN and its end.
    private var isInTransaction = false

    mutating func append(_ bytes: ArraySlice<UInt8>) { pending.append(bytes) }

    func peek() throws -> RequestFrame? {
        let bytes = pending.bytes
        guard let end = messageEnd(of: bytes, hasKind: hasStarted) else { return nil }
        let whole = Array(bytes[..<end])
        guard hasStarted, let kind = whole.first else {
            return RequestFrame(bytes: whole, request: nil, opensAnswer: false)
        }
        return RequestFrame(
            bytes: whole, request: request(kind, PostgresRequests.strings(whole.dropFirst(5))),
            opensAnswer: !isInRoundTrip && PostgresRequests.isWork(kind))
    }

    private func request(_ kind: UInt8, _ strings: [String]) -> FaultyProxy.Request? {
        let text: String? =
            switch kind {
            case UInt8(ascii: "Q"): strings.first
            // A portal's name, then the statement's.
            case UInt8(ascii: "B"): texts[strings.count > 1 ? strings[1] : ""]
            default: nil
            }
        if let text { return .init(text: text, roundTrip: roundTrip + [text], commits: text == "COMMIT") }
        // What has no COMMIT is committed by the Sync behind it.
        guard kind == UInt8(ascii: "S"), !isInTransaction, let last = roundTrip.last,
            !PostgresRequests.ends.contains(last)
        else { return nil }
        return .init(text: "Sync", roundTrip: roundTrip, commits: true)
    }

    private static let ends = ["COMMIT", "ROLLBACK"]

    mutating func take(_ frame: RequestFrame) {
        _ = pending.remove(frame.bytes.count)
        guard hasStarted, let kind = frame.bytes.first else {
            hasStarted = true
            return
        }
        if kind == UInt8(ascii: "P") {
            let strings = PostgresRequests.strings(frame.bytes.dropFirst(5))
            if strings.count > 1 { texts[strings[0]] = strings[1] }
        }
        if let request = frame.request {
            roundTrip.append(request.text)
            isInTransaction =
                request.text == "BEGIN" || isInTransaction && !PostgresRequests.ends.contains(request.text)
        }
        isInRoundTrip = PostgresRequests.isWork(kind) && kind != UInt8(ascii: "S") && kind != UInt8(ascii: "Q")
        if !isInRoundTrip { roundTrip = [] }
    }

    /// Neither a password nor a farewell.
    private static func isWork(_ kind: UInt8) -> Bool {
        kind != UInt8(ascii: "p") && kind != UInt8(ascii: "X")
    }

    /// The first two texts, each of which ends with a zero.
    private static func strings(_ bytes: ArraySlice<UInt8>) -> [String] {
        bytes.split(separator: 0, maxSplits: 2, omittingEmptySubsequences: false).prefix(2).map {
            String(decoding: $0, as: UTF8.self)
        }
    }
}

struct PostgresAnswers: AnswerReader {
    private var pending = PendingBytes()

    mutating func append(_ bytes: ArraySlice<UInt8>) { pending.append(bytes) }

    mutating func next() throws -> AnswerFrame? {
        let bytes = pending.bytes
        guard let end = messageEnd(of: bytes, hasKind: true) else { return nil }
        // ReadyForQuery ends what a Sync or a simple query began.
        let isLast = bytes.first == UInt8(ascii: "Z")
        return AnswerFrame(bytes: pending.remove(end - bytes.startIndex), isLast: isLast)
    }

    mutating func putBack(_ frame: AnswerFrame) { pending.putBack(frame.bytes) }
}
