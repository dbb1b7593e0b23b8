import CHiredis
import Glibc
import Reactor

/// One non-blocking connection: hiredis' context and a reader of replies. Bytes are moved here rather than by hiredis,
/// which would raise SIGPIPE on a closed peer and read in small pieces.
@safe
final class RedisConnection: @unchecked Sendable {
    // Unchecked: one task at a time uses a connection; it is handed on only through the client's lock.

    private static let chunk = 128 * 1_024

    private let context: UnsafeMutablePointer<redisContext>
    private let descriptor: Int32
    private let reader: ReplyReader
    private let buffer: UnsafeMutableRawBufferPointer

    /// Takes over a connected context.
    init(owning context: UnsafeMutablePointer<redisContext>, _ reader: ReplyReader) {
        unsafe self.context = unsafe context
        self.reader = reader
        descriptor = unsafe context.pointee.fd
        unsafe buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: RedisConnection.chunk, alignment: 16)
        let flags = fcntl(descriptor, F_GETFL)
        _ = fcntl(descriptor, F_SETFL, flags | O_NONBLOCK)
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        unsafe context.pointee.flags &= ~REDIS_BLOCK
        // Otherwise hiredis gives its buffer back after every chunk.
        reader.keepMemory(4 * RedisConnection.chunk)
    }

    deinit {
        Reactor.shared.forget(descriptor)
        unsafe redisFree(context)
        unsafe buffer.deallocate()
    }

    /// Whether the peer is there and silent, as it must be while nothing is asked. Costs one system call.
    var isQuiet: Bool {
        var byte: UInt8 = 0
        let count = unsafe recv(descriptor, &byte, 1, Int32(MSG_PEEK | MSG_DONTWAIT))
        return count < 0 && (errno == EAGAIN || errno == EINTR)
    }

    /// Sends the group and hands its replies out until every call has its own.
    ///
    /// - Parameter silence: how long the server may neither take nor send a byte.
    /// - Throws: what broke the connection; the group then still holds the calls without an answer.
    func exchange(_ group: inout WireGroup, silence: Duration) async throws(RedisError) {
        while !group.isAnswered {
            if !group.isSent { group.sent += try send(group.bytes, from: group.sent) }
            try await wait(for: group.isSent ? .readable : .either, atMost: silence)
            try receive { (reply) throws(RedisError) in
                guard group.take(reply) else {
                    throw RedisConnection.broken("a reply that nobody asked for", .protocolViolation)
                }
            }
        }
    }

    /// Sends a command without waiting for its reply, within `silence`.
    func post(_ command: RedisCommand, silence: Duration) async throws(RedisError) {
        var bytes: [UInt8] = []
        command.encode(into: &bytes)
        var sent = 0
        while true {
            sent += try send(bytes, from: sent)
            if sent == bytes.count { return }
            try await wait(for: .writable, atMost: silence)
        }
    }

    /// Waits until something can be read.
    ///
    /// - Returns: false if nothing came for as long as `silence`.
    func hears(within silence: Duration) async throws(RedisError) -> Bool {
        do {
            try await Reactor.shared.ready(descriptor, for: .readable, before: .now + silence)
            return true
        } catch WaitError.deadline {
            return false
        } catch {
            throw RedisConnection.broken("\(error)")
        }
    }

    /// Reads what is there, at most as much as keeps the reader's memory small, and hands on every whole reply.
    func receive(_ handle: (RedisReply) throws(RedisError) -> Void) throws(RedisError) {
        var count = RedisConnection.chunk
        while count == RedisConnection.chunk {
            count = unsafe recv(descriptor, buffer.baseAddress, buffer.count, 0)
            if count == 0 { throw RedisConnection.broken("the server closed the connection") }
            if count < 0 {
                if errno == EINTR {
                    count = RedisConnection.chunk
                    continue
                }
                if errno == EAGAIN { return }
                throw RedisConnection.broken(RedisConnection.text(errno))
            }
            guard unsafe reader.feed(UnsafeRawBufferPointer(rebasing: buffer[..<count])) else {
                throw RedisConnection.broken(reader.error, .protocolViolation)
            }
            while let reply = try nextReply() { try handle(reply) }
        }
    }

    private func nextReply() throws(RedisError) -> RedisReply? {
        switch reader.next() {
        case .reply(let reply): return reply
        case .incomplete: return nil
        case .failed(let reason): throw RedisConnection.broken(reason, .protocolViolation)
        }
    }

    /// - Returns: how many bytes the kernel took; 0 when it takes none now.
    private func send(_ bytes: [UInt8], from start: Int) throws(RedisError) -> Int {
        var position = start
        while position < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { buffer in
                let rest = unsafe UnsafeRawBufferPointer(rebasing: buffer[position...])
                return unsafe Glibc.send(descriptor, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
            }
            if count < 0 {
                if errno == EINTR { continue }
                if errno == EAGAIN { break }
                throw RedisConnection.broken(RedisConnection.text(errno))
            }
            position += count
        }
        return position - start
    }

    private func wait(for interest: Reactor.Interest, atMost silence: Duration) async throws(RedisError) {
        do {
            try await Reactor.shared.ready(descriptor, for: interest, before: .now + silence)
        } catch WaitError.deadline {
            throw RedisConnection.broken("no answer within \(silence)")
        } catch {
            throw RedisConnection.broken("\(error)")
        }
    }

    private static func broken(_ detail: String, _ code: RedisError.Code = .outcomeUnknown) -> RedisError {
        RedisError(code, "connection", detail)
    }

    private static func text(_ code: Int32) -> String {
        var buffer = [CChar](repeating: 0, count: 128)
        guard unsafe strerror_r(code, &buffer, buffer.count) == 0 else { return "error \(code)" }
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
