import Domain
import Redis

/// What a stream holds of all that was ever added to it, at one instant.
struct StreamExtent: Equatable, Sendable {
    /// Entries in the stream.
    var length: Int64
    /// Entries ever added.
    var added: Int64
    /// The first entry in the stream; zero if it is empty.
    var first: StreamID
    /// The last id ever given.
    var last: StreamID
    /// The greatest id ever removed one by one (XDEL); zero if none was.
    var deleted: StreamID

    /// - Returns: nil if there is no stream.
    static func read(_ redis: RedisClient, stream: String) async throws(RedisError) -> StreamExtent? {
        let info: RedisReply
        do {
            info = try await redis.send(["XINFO", "STREAM", stream])
        } catch {
            guard error.isNoSuchKey else { throw error }
            return nil
        }
        guard let length = info.value(named: "length")?.integer,
            let added = info.value(named: "entries-added")?.integer,
            let first = StreamID(info.value(named: "recorded-first-entry-id")),
            let last = StreamID(info.value(named: "last-generated-id")),
            let deleted = StreamID(info.value(named: "max-deleted-entry-id"))
        else { throw RedisError(.protocolViolation, "XINFO", "a stream without its counters") }
        return StreamExtent(length: length, added: added, first: first, last: last, deleted: deleted)
    }

    /// From this id on nothing is known to be missing: the first entry held, for trimming takes the oldest, and behind
    /// whatever was removed one by one. Zero if the stream holds all that was ever added to it.
    var completeFrom: StreamID {
        guard added > length else { return .zero }
        let untrimmed = length > 0 ? first : last.next
        return max(untrimmed, deleted == .zero ? .zero : deleted.next)
    }
}

extension StreamID {
    /// The last position before every entry that was added at `time` or later. Streams begin at 1970.
    init(before time: Timestamp) {
        let milliseconds = UInt64(clamping: time.milliseconds)
        self = milliseconds == 0 ? .zero : StreamID(milliseconds: milliseconds - 1, sequence: .max)
    }

    /// The least id of an entry that is added at `time`.
    init(from time: Timestamp) {
        self.init(milliseconds: UInt64(clamping: time.milliseconds), sequence: 0)
    }

    /// The least id after this one; the greatest id stays.
    var next: StreamID {
        if sequence < .max { return StreamID(milliseconds: milliseconds, sequence: sequence + 1) }
        return milliseconds < .max ? StreamID(milliseconds: milliseconds + 1, sequence: 0) : self
    }

    /// When the entry was added.
    var time: Timestamp { Timestamp(milliseconds: Int64(clamping: milliseconds)) }

    /// The first millisecond whose entries all have this id or a greater one.
    var timeRoundedUp: Timestamp {
        sequence == 0 ? time : Timestamp(milliseconds: min(time.milliseconds, Timestamp.range.upperBound - 1) + 1)
    }
}
