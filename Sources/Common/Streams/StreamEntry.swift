import Redis

/// One entry of a stream: a view into the reply it came with, which it keeps in memory.
public struct StreamEntry: Sendable {
    public let id: StreamID
    /// A flat array of names and values; null for an entry that was deleted or trimmed while it was pending.
    private let flat: RedisReply

    /// - Returns: nil unless `reply` is an id with its fields, as XRANGE writes it.
    public init?(_ reply: RedisReply) {
        guard let id = StreamID(reply[0]), let flat = reply[1] else { return nil }
        self.id = id
        self.flat = flat
    }

    /// An entry that no server sent.
    public init?(id: StreamID, fields: [(name: String, value: String)]) {
        guard let flat = RedisReply(strings: fields.flatMap { [Array($0.name.utf8), Array($0.value.utf8)] }) else {
            return nil
        }
        self.id = id
        self.flat = flat
    }

    /// Whether the entry itself is gone and only its id was still pending.
    public var isDeleted: Bool { flat.kind != .array }

    public var fieldCount: Int { flat.count / 2 }

    /// The first value with this name; bytes that are not UTF-8 become U+FFFD.
    public subscript(name: StaticString) -> String? { flat.value(named: name)?.string }

    /// Names and values as text, for people; bytes that are not UTF-8 become U+FFFD.
    public var textFields: [(name: String, value: String)] {
        (0..<fieldCount).map { (flat[$0 * 2]?.string ?? "", flat[$0 * 2 + 1]?.string ?? "") }
    }

    /// Names and values as they are.
    public var rawFields: [(name: [UInt8], value: [UInt8])] {
        (0..<fieldCount).map { (flat[$0 * 2]?.bytes ?? [], flat[$0 * 2 + 1]?.bytes ?? []) }
    }

    func name(at index: Int) -> RedisReply? { flat[index * 2] }
    func value(at index: Int) -> RedisReply? { flat[index * 2 + 1] }
}

/// The entries of one read, in the order of the stream.
public struct StreamBatch: RandomAccessCollection, Sendable {
    private let entries: [StreamEntry]

    public static let empty = StreamBatch(entries: [])

    init(entries: [StreamEntry]) {
        self.entries = entries
    }

    /// - Returns: nil if `reply` is not an array of entries.
    init?(_ reply: RedisReply) {
        guard reply.kind == .array else { return nil }
        var entries: [StreamEntry] = []
        entries.reserveCapacity(reply.count)
        for index in 0..<reply.count {
            guard let child = reply[index], let entry = StreamEntry(child) else { return nil }
            entries.append(entry)
        }
        self.entries = entries
    }

    public var startIndex: Int { 0 }
    public var endIndex: Int { entries.count }
    public subscript(index: Int) -> StreamEntry { entries[index] }
    public var ids: [StreamID] { entries.map(\.id) }
}
