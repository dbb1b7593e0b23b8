import CHiredis

/// hiredis' reader of the protocol, which is fed with bytes as they come and builds our replies instead of its own.
@safe
final class ReplyReader {
    /// An array of more members is refused: no command of ours has such an answer, and their memory is taken at once.
    static let mostMembers = 1 << 20

    private let reader: UnsafeMutablePointer<redisReader>
    private let builder = ReplyBuilder()

    // Never written to after it was made, and there as long as the process.
    private nonisolated(unsafe) static let functions: UnsafeMutablePointer<redisReplyObjectFunctions> = {
        let functions = UnsafeMutablePointer<redisReplyObjectFunctions>.allocate(capacity: 1)
        // By name: later versions of hiredis have more of them.
        var own = redisReplyObjectFunctions()
        unsafe own.createString = { task, bytes, count in
            let text = unsafe UnsafeRawBufferPointer(start: bytes, count: count)
            return unsafe ReplyBuilder.of(task)?.addText(text, task)
        }
        unsafe own.createArray = { task, count in unsafe ReplyBuilder.of(task)?.addArray(Int(count), task) }
        unsafe own.createInteger = { task, value in
            unsafe ReplyBuilder.of(task)?.add(ReplyTree.Node(kind: .integer, start: Int(value), count: 0), task)
        }
        unsafe own.createNil = { task in unsafe ReplyBuilder.of(task)?.add(.null, task) }
        // What was built belongs to the builder.
        unsafe own.freeObject = { _ in }
        unsafe functions.initialize(to: own)
        return unsafe functions
    }()

    /// - Returns: nil when there is no memory.
    init?() {
        guard let reader = unsafe redisReaderCreateWithFunctions(ReplyReader.functions) else { return nil }
        unsafe self.reader = unsafe reader
        unsafe reader.pointee.privdata = unsafe Unmanaged.passUnretained(builder).toOpaque()
    }

    deinit {
        unsafe redisReaderFree(reader)
    }

    /// How much memory the reader keeps while it is empty.
    func keepMemory(_ bytes: Int) {
        unsafe reader.pointee.maxbuf = bytes
    }

    /// - Returns: false when the bytes so far are no replies; `error` says why.
    func feed(_ bytes: UnsafeRawBufferPointer) -> Bool {
        unsafe redisReaderFeed(reader, bytes.baseAddress?.assumingMemoryBound(to: CChar.self), bytes.count) == REDIS_OK
    }

    enum Next {
        case reply(RedisReply)
        /// More bytes are needed.
        case incomplete
        case failed(String)
    }

    func next() -> Next {
        var root: UnsafeMutableRawPointer?
        guard unsafe redisReaderGetReply(reader, &root) == REDIS_OK else { return .failed(error) }
        guard unsafe root != nil else { return .incomplete }
        let tree = builder.take()
        return tree.nodes.isEmpty ? .failed("a reply of an unknown kind") : .reply(RedisReply(tree))
    }

    var error: String {
        unsafe withUnsafeBytes(of: reader.pointee.errstr) { bytes in
            unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
    }
}

/// Puts what the reader finds into a tree. An object of hiredis is a node's place, counted from 1, for nil means failure.
@safe
private final class ReplyBuilder {
    private var nodes: [ReplyTree.Node] = []
    private var text: [UInt8] = []

    static func of(_ task: UnsafePointer<redisReadTask>?) -> ReplyBuilder? {
        guard let builder = unsafe task?.pointee.privdata else { return nil }
        return unsafe Unmanaged<ReplyBuilder>.fromOpaque(builder).takeUnretainedValue()
    }

    func addText(_ bytes: UnsafeRawBufferPointer, _ task: UnsafePointer<redisReadTask>?) -> UnsafeMutableRawPointer? {
        let kind: RedisReply.Kind =
            switch unsafe task?.pointee.type {
            case REDIS_REPLY_STATUS: .status
            case REDIS_REPLY_ERROR: .error
            default: .string
            }
        let start = text.count
        unsafe text.append(contentsOf: bytes)
        return unsafe add(ReplyTree.Node(kind: kind, start: start, count: bytes.count), task)
    }

    func addArray(_ count: Int, _ task: UnsafePointer<redisReadTask>?) -> UnsafeMutableRawPointer? {
        guard (0...ReplyReader.mostMembers).contains(count) else { return nil }
        // The place of a root is the first one, which its members follow.
        let first = unsafe task?.pointee.parent == nil ? nodes.count + 1 : nodes.count
        let object = unsafe add(ReplyTree.Node(kind: .array, start: first, count: count), task)
        nodes.append(contentsOf: repeatElement(.null, count: count))
        return unsafe object
    }

    func add(_ node: ReplyTree.Node, _ task: UnsafePointer<redisReadTask>?) -> UnsafeMutableRawPointer? {
        guard let task = unsafe task else { return nil }
        guard let parent = unsafe task.pointee.parent else {
            nodes.append(node)
            return unsafe UnsafeMutableRawPointer(bitPattern: nodes.count)
        }
        let container = unsafe Int(bitPattern: parent.pointee.obj) - 1
        let index = unsafe Int(task.pointee.idx)
        guard nodes.indices.contains(container), (0..<nodes[container].count).contains(index) else { return nil }
        let place = nodes[container].start + index
        nodes[place] = node
        return unsafe UnsafeMutableRawPointer(bitPattern: place + 1)
    }

    /// The tree that is complete now; the next one begins.
    func take() -> ReplyTree {
        defer {
            nodes = []
            text = []
        }
        return ReplyTree(nodes: nodes, text: text)
    }
}
