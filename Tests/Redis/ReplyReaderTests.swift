import Testing

@testable import Redis

@Suite struct ReplyReaderTests {
    /// What a reply is, told apart from how it is kept.
    private indirect enum Model: Equatable {
        case string([UInt8])
        case status(String)
        case integer(Int64)
        case null
        case array([Model])

        static func random(depth: Int, using random: inout SystemRandomNumberGenerator) -> Model {
            switch Int.random(in: 0...(depth < 6 ? 5 : 3), using: &random) {
            case 0: .string((0..<Int.random(in: 0...40, using: &random)).map { _ in UInt8.random(in: 0...255) })
            case 1: .status("OK \(Int.random(in: 0...9, using: &random))")
            case 2: .integer(Int64.random(in: .min ... .max, using: &random))
            case 3: .null
            default:
                .array(
                    (0..<Int.random(in: 0...5, using: &random)).map { _ in
                        Model.random(depth: depth + 1, using: &random)
                    })
            }
        }

        var wire: [UInt8] {
            switch self {
            case .string(let bytes): Array("$\(bytes.count)\r\n".utf8) + bytes + Array("\r\n".utf8)
            case .status(let text): Array("+\(text)\r\n".utf8)
            case .integer(let value): Array(":\(value)\r\n".utf8)
            case .null: Array("$-1\r\n".utf8)
            case .array(let members): Array("*\(members.count)\r\n".utf8) + members.flatMap(\.wire)
            }
        }

        init(_ reply: RedisReply) {
            self =
                switch reply.kind {
                case .string: .string(reply.bytes ?? [])
                case .status: .status(reply.string ?? "")
                case .integer: .integer(reply.integer ?? 0)
                case .array: .array(reply.elements.map { Model($0) })
                case .null, .error: .null
                }
        }
    }

    @Test("Any replies, cut anywhere, come out as they are, each as soon as it is whole")
    func anyRepliesInAnyPieces() throws {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<300 {
            let models = (0..<5).map { _ in Model.random(depth: 0, using: &random) }
            let reader = try #require(ReplyReader())
            var found: [Model] = []
            var rest = models.flatMap(\.wire)[...]
            let ends = models.indices.map { models[...$0].map(\.wire.count).reduce(0, +) }
            while !rest.isEmpty {
                let piece = Array(rest.prefix(Int.random(in: 1...30, using: &random)))
                rest = rest.dropFirst(piece.count)
                #expect(unsafe piece.withUnsafeBytes { unsafe reader.feed($0) })
                while case .reply(let reply) = reader.next() { found.append(Model(reply)) }
                #expect(found.count == ends.count { $0 <= rest.startIndex })
            }
            #expect(found == models)
        }
    }

    @Test("An array of more members than any answer has is refused before its memory is taken")
    func tooManyMembers() throws {
        for text in ["*\(ReplyReader.mostMembers + 1)\r\n", "*2\r\n:1\r\n*2147483647\r\n"] {
            let reader = try #require(ReplyReader())
            #expect(unsafe Array(text.utf8).withUnsafeBytes { unsafe reader.feed($0) })
            guard case .failed(let reason) = reader.next() else {
                Issue.record("\(text) was taken")
                continue
            }
            #expect(!reason.isEmpty)
        }
    }
}
