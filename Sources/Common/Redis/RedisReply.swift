import Glibc

/// The server's answer: a view into a tree of replies, which lives as long as any view into it. Nothing is copied until
/// asked for, and every question about a reply of another kind is answered with nil.
public struct RedisReply: Sendable {
    public enum Kind: Sendable {
        case string
        case status
        case integer
        case array
        case null
        case error
    }

    @usableFromInline let tree: ReplyTree
    private let place: Int

    private init(_ tree: ReplyTree, at place: Int) {
        self.tree = tree
        self.place = place
    }

    /// The root of a tree that has one.
    init(_ tree: ReplyTree) {
        self.init(tree, at: 0)
    }

    /// Reads one reply from its wire form, for tests and for making values without a server.
    ///
    /// - Returns: nil unless `bytes` are one whole reply that hiredis accepts.
    public init?(parsing bytes: [UInt8]) {
        guard let reader = ReplyReader(), unsafe bytes.withUnsafeBytes({ unsafe reader.feed($0) }),
            case .reply(let reply) = reader.next()
        else { return nil }
        self = reply
    }

    /// An array of strings that no server sent.
    public init?(strings: [[UInt8]]) {
        var bytes = Array("*\(strings.count)\r\n".utf8)
        for string in strings {
            bytes += Array("$\(string.count)\r\n".utf8) + string + Array("\r\n".utf8)
        }
        self.init(parsing: bytes)
    }

    private var node: ReplyTree.Node { tree.nodes[place] }

    public var kind: Kind { node.kind }

    public var isNull: Bool { kind == .null }

    /// An integer reply, or a string that is one.
    public var integer: Int64? {
        switch kind {
        case .integer: Int64(node.start)
        case .string, .status: string.flatMap { Int64($0) }
        case .array, .null, .error: nil
        }
    }

    /// The text of a string or status reply; bytes that are not UTF-8 become U+FFFD.
    public var string: String? { range.map { String(decoding: tree.text[$0], as: UTF8.self) } }

    /// The text of a string or status reply, nil if it is not UTF-8.
    public var validString: String? { range.flatMap { String(validating: tree.text[$0], as: UTF8.self) } }

    public var bytes: [UInt8]? { range.map { Array(tree.text[$0]) } }

    /// Lends the bytes of a string or status reply for the duration of `body`.
    @inlinable
    public func withBytes<Result>(_ body: (Span<UInt8>) -> Result) -> Result? {
        guard let range else { return nil }
        let text = tree.text
        let span = text.span
        return body(span.extracting(range))
    }

    /// Whether this is a string or status reply with exactly these bytes.
    public func equals(_ other: StaticString) -> Bool {
        guard let range, range.count == other.utf8CodeUnitCount else { return false }
        return unsafe tree.text.withUnsafeBytes { text in
            guard let start = text.baseAddress else { return true }
            return unsafe memcmp(start + range.lowerBound, other.utf8Start, range.count) == 0
        }
    }

    /// Where the bytes of a string or status reply stand.
    @usableFromInline var range: Range<Int>? {
        let node = node
        guard node.kind == .string || node.kind == .status else { return nil }
        return node.start..<node.start + node.count
    }

    public var error: RedisServerError? {
        let node = node
        guard node.kind == .error else { return nil }
        return RedisServerError(
            message: String(decoding: tree.text[node.start..<node.start + node.count], as: UTF8.self))
    }

    /// The members of an array reply; empty for any other kind.
    public var elements: Elements { Elements(array: self) }

    /// How many members an array reply has; 0 for any other kind.
    public var count: Int {
        let node = node
        return node.kind == .array ? node.count : 0
    }

    /// A member of an array reply, nil outside of it.
    public subscript(index: Int) -> RedisReply? {
        let node = node
        guard node.kind == .array, (0..<node.count).contains(index) else { return nil }
        return RedisReply(tree, at: node.start + index)
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
            // Within `indices` there is one; outside, the array stands for it.
            array[index] ?? array
        }
    }
}
