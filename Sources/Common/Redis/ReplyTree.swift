/// A reply with all its members in two blocks of memory, however many they are. hiredis by itself takes two pieces for
/// every string, which for a batch of entries is most of what reading them costs.
@usableFromInline
final class ReplyTree: Sendable {
    struct Node: Sendable {
        let kind: RedisReply.Kind
        /// Where a string begins in `text` or an array's members begin in `nodes`; of an integer, its value.
        let start: Int
        /// Bytes of a string, members of an array.
        let count: Int

        static let null = Node(kind: .null, start: 0, count: 0)
    }

    let nodes: [Node]
    @usableFromInline let text: [UInt8]

    init(nodes: [Node], text: [UInt8]) {
        self.nodes = nodes
        self.text = text
    }
}
