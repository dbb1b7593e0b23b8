import CHiredis
import Glibc

/// The server's answer: a view into the tree that hiredis built, which lives as long as any view into it. Nothing is
/// copied until asked for, and every question about a reply of another kind is answered with nil.
@safe
public struct RedisReply: @unchecked Sendable {
    // Unchecked: the tree is never written to after it was parsed.

    public enum Kind: Sendable {
        case string
        case status
        case integer
        case array
        case null
        case error
    }

    @usableFromInline let tree: ReplyTree
    private let node: UnsafePointer<redisReply>

    private init(tree: ReplyTree, node: UnsafePointer<redisReply>) {
        self.tree = tree
        unsafe self.node = node
    }

    /// Takes over a reply from a hiredis reader.
    init(owning root: UnsafeMutablePointer<redisReply>) {
        unsafe self.init(tree: ReplyTree(root), node: UnsafePointer(root))
    }

    /// Reads one reply from its wire form, for tests and for making values without a server.
    ///
    /// - Returns: nil unless `bytes` are one whole reply that hiredis accepts.
    public init?(parsing bytes: [UInt8]) {
        guard let reader = unsafe redisReaderCreate() else { return nil }
        defer { unsafe redisReaderFree(reader) }
        var reply: UnsafeMutableRawPointer?
        let fed = unsafe bytes.withUnsafeBytes { buffer in
            unsafe redisReaderFeed(reader, buffer.baseAddress?.assumingMemoryBound(to: CChar.self), buffer.count)
        }
        guard fed == REDIS_OK, unsafe redisReaderGetReply(reader, &reply) == REDIS_OK, let reply = unsafe reply else {
            return nil
        }
        unsafe self.init(owning: reply.assumingMemoryBound(to: redisReply.self))
    }

    /// An array of strings that no server sent.
    public init?(strings: [[UInt8]]) {
        var bytes = Array("*\(strings.count)\r\n".utf8)
        for string in strings {
            bytes += Array("$\(string.count)\r\n".utf8) + string + Array("\r\n".utf8)
        }
        self.init(parsing: bytes)
    }

    public var kind: Kind {
        switch unsafe node.pointee.type {
        case REDIS_REPLY_INTEGER: .integer
        case REDIS_REPLY_NIL: .null
        case REDIS_REPLY_STATUS: .status
        case REDIS_REPLY_ERROR: .error
        case REDIS_REPLY_ARRAY: .array
        // Kinds of RESP3, which is never asked for: whatever they hold is looked at, not trusted.
        case REDIS_REPLY_STRING: .string
        default: unsafe node.pointee.element != nil ? .array : node.pointee.str != nil ? .string : .null
        }
    }

    public var isNull: Bool { kind == .null }

    /// An integer reply, or a string that is one.
    public var integer: Int64? {
        switch kind {
        case .integer: unsafe Int64(node.pointee.integer)
        case .string, .status: string.flatMap { Int64($0) }
        case .array, .null, .error: nil
        }
    }

    /// The text of a string or status reply; bytes that are not UTF-8 become U+FFFD.
    public var string: String? {
        guard let text = unsafe text else { return nil }
        return withExtendedLifetime(tree) { unsafe String(decoding: text, as: UTF8.self) }
    }

    /// The text of a string or status reply, nil if it is not UTF-8.
    public var validString: String? {
        guard let text = unsafe text else { return nil }
        return withExtendedLifetime(tree) { unsafe String(validating: text, as: UTF8.self) }
    }

    public var bytes: [UInt8]? {
        guard let text = unsafe text else { return nil }
        return withExtendedLifetime(tree) { unsafe Array(text) }
    }

    /// Lends the bytes of a string or status reply for the duration of `body`.
    @inlinable
    public func withBytes<Result>(_ body: (Span<UInt8>) -> Result) -> Result? {
        guard let text = unsafe text else { return nil }
        return withExtendedLifetime(tree) { unsafe body(text.span) }
    }

    /// Whether this is a string or status reply with exactly these bytes.
    public func equals(_ other: StaticString) -> Bool {
        guard let text = unsafe text, text.count == other.utf8CodeUnitCount else { return false }
        guard let start = text.baseAddress else { return true }
        return withExtendedLifetime(tree) { unsafe memcmp(start, other.utf8Start, text.count) == 0 }
    }

    /// The bytes of a string or status reply, valid while `tree` lives.
    @usableFromInline var text: UnsafeBufferPointer<UInt8>? {
        let kind = kind
        guard kind == .string || kind == .status, let start = unsafe node.pointee.str else { return nil }
        let bytes = unsafe UnsafeRawBufferPointer(start: start, count: node.pointee.len)
        return unsafe bytes.assumingMemoryBound(to: UInt8.self)
    }

    public var error: RedisServerError? {
        guard kind == .error else { return nil }
        let message = unsafe UnsafeRawBufferPointer(start: node.pointee.str, count: node.pointee.len)
        let text = unsafe String(decoding: message, as: UTF8.self)
        return withExtendedLifetime(tree) { RedisServerError(message: text) }
    }

    /// The members of an array reply; empty for any other kind.
    public var elements: Elements { Elements(array: self) }

    /// How many members an array reply has; 0 for any other kind.
    public var count: Int {
        guard kind == .array, unsafe node.pointee.element != nil else { return 0 }
        return unsafe Int(clamping: node.pointee.elements)
    }

    /// A member of an array reply, nil outside of it.
    public subscript(index: Int) -> RedisReply? {
        guard index >= 0, index < count, let child = unsafe node.pointee.element[index] else { return nil }
        return unsafe RedisReply(tree: tree, node: UnsafePointer(child))
    }

    /// The value after `name` in a flat array of names and values, as the server writes maps.
    public func value(named name: StaticString) -> RedisReply? {
        var index = 0
        while index + 1 < count {
            if self[index]?.equals(name) == true { return self[index + 1] }
            index += 2
        }
        return nil
    }

    public struct Elements: RandomAccessCollection, Sendable {
        fileprivate let array: RedisReply

        public var startIndex: Int { 0 }
        public var endIndex: Int { array.count }

        public subscript(index: Int) -> RedisReply {
            // hiredis fills every place of an array; if one were empty, the array stands for it.
            array[index] ?? array
        }
    }
}

/// Owns a tree of replies and frees it with the last view.
@safe
@usableFromInline
final class ReplyTree {
    private let root: UnsafeMutablePointer<redisReply>

    init(_ root: UnsafeMutablePointer<redisReply>) {
        unsafe self.root = unsafe root
    }

    deinit {
        unsafe freeReplyObject(root)
    }
}
