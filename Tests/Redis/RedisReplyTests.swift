import Testing

@testable import Redis

@Suite struct RedisReplyTests {
    private func parse(_ text: String) -> RedisReply? { RedisReply(parsing: Array(text.utf8)) }

    @Test func readsEachKind() throws {
        #expect(parse("$5\r\nhello\r\n")?.string == "hello")
        #expect(parse("+OK\r\n")?.kind == .status)
        #expect(parse("+OK\r\n")?.string == "OK")
        #expect(parse(":-42\r\n")?.integer == -42)
        #expect(parse("$-1\r\n")?.isNull == true)
        #expect(parse("*-1\r\n")?.isNull == true)
        #expect(parse("-NOGROUP No such key\r\n")?.error?.prefix == "NOGROUP")
        let array = try #require(parse("*3\r\n:1\r\n$1\r\na\r\n*0\r\n"))
        #expect(array.kind == .array)
        #expect(array.count == 3)
        #expect(array.elements.map(\.kind) == [.integer, .string, .array])
    }

    @Test func answersNilToEveryWrongQuestion() throws {
        for text in ["$1\r\na\r\n", "+OK\r\n", ":7\r\n", "$-1\r\n", "*0\r\n", "*1\r\n$-1\r\n", "-ERR no\r\n"] {
            let reply = try #require(parse(text))
            #expect(reply[0] == nil || reply.kind == .array)
            #expect(reply[-1] == nil)
            #expect(reply[Int.max] == nil)
            #expect(reply.value(named: "x") == nil)
            #expect((reply.error != nil) == (reply.kind == .error))
            #expect((reply.bytes != nil) == (reply.kind == .string || reply.kind == .status))
            #expect(reply.elements.count == reply.count)
            _ = reply.integer
            _ = reply.equals("")
        }
        #expect(parse("$1\r\na\r\n")?.integer == nil)
        #expect(parse("$20\r\n99999999999999999999\r\n")?.integer == nil)
    }

    @Test func refusesWhatIsNoReply() {
        for text in [
            "", "$5\r\nhel", "hello\r\n", "*2\r\n:1\r\n", "$x\r\n",
            "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n",
        ] {
            #expect(parse(text) == nil)
        }
    }

    @Test func keepsBytesAsTheyAre() throws {
        let bytes: [UInt8] = [0, 0xff, 0xfe, 0x0d, 0x0a, 0x41]
        let reply = try #require(RedisReply(strings: [bytes, []]))
        #expect(reply[0]?.bytes == bytes)
        #expect(reply[0]?.validString == nil)
        #expect(reply[0]?.string?.contains("\u{FFFD}") == true)
        #expect(reply[0]?.withBytes { $0.count } == 6)
        #expect(reply[1]?.bytes == [])
        #expect(reply[1]?.equals("") == true)
    }

    @Test func outlivesTheReplyItIsPartOf() throws {
        func inner() -> RedisReply? { parse("*1\r\n*2\r\n$3\r\nlag\r\n:9\r\n")?[0] }
        #expect(inner()?.value(named: "lag")?.integer == 9)
    }
}

@Suite struct RedisCommandTests {
    private func wire(_ command: RedisCommand) -> String {
        var bytes: [UInt8] = []
        command.encode(into: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test func writesLengthsInBytes() {
        #expect(wire(["SET", "ключ", 5]) == "*3\r\n$3\r\nSET\r\n$8\r\nключ\r\n$1\r\n5\r\n")
        #expect(wire(RedisCommand("DEL", ["a"], ["b", "c"])) == "*4\r\n$3\r\nDEL\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n")
        let long = String(repeating: "x", count: 123)
        #expect(wire(["ECHO", long]) == "*2\r\n$4\r\nECHO\r\n$123\r\n\(long)\r\n")
        #expect(wire(["ECHO", String(repeating: "y", count: 45)]).contains("$45\r\n"))
        #expect(wire(["ECHO", ""]) == "*2\r\n$4\r\nECHO\r\n$0\r\n\r\n")
    }

    @Test func namesItself() {
        let command: RedisCommand = ["XADD", "k", Int64.min, [UInt8(0)]]
        #expect(command.name == "XADD")
        #expect(command.argumentCount == 4)
    }
}

@Suite struct RedisErrorTests {
    @Test(arguments: [
        ("NOGROUP No such key 'x'", "NOGROUP"), ("LOADING Redis is loading", "LOADING"), ("Error without", "ERR"),
        ("ERR unknown command", "ERR"), ("", "ERR"), ("OOM", "OOM"),
        ("EXECABORT Transaction discarded because of: OOM command not allowed", "OOM"),
        ("EXECABORT Transaction discarded because of previous errors.", "EXECABORT"),
        ("NO_AUTH x", "NO_AUTH"), ("EXECABORT because of: ", "ERR"),
    ])
    func findsThePrefix(message: String, prefix: String) {
        #expect(RedisServerError(message: message).prefix == prefix)
    }

    @Test func dropsDataThatTheServerRepeats() {
        let message = "ERR unknown command 'HELO', with args beginning with: 'secret' 'more' "
        #expect(RedisServerError(message: message).message == "ERR unknown command 'HELO'")
    }

    @Test func knowsWhatPasses() {
        func server(_ prefix: String) -> RedisError { RedisError(.server, "XADD", "", prefix: prefix) }
        for prefix in ["LOADING", "READONLY", "OOM", "MISCONF", "BUSY"] {
            #expect(server(prefix).isRetryable)
            #expect(!server(prefix).mayHaveHappened)
        }
        for prefix in ["ERR", "WRONGTYPE", "NOPERM", "NOGROUP"] { #expect(!server(prefix).isRetryable) }
        #expect(RedisError(.unavailable, "", "").isRetryable)
        #expect(!RedisError(.unavailable, "", "", prefix: "WRONGPASS").isRetryable)
        #expect(RedisError(.unavailable, "", "", prefix: "LOADING").isRetryable)
        #expect(RedisError(.outcomeUnknown, "", "").mayHaveHappened)
        #expect(!RedisError(.unavailable, "", "").mayHaveHappened)
        #expect(!RedisError(.cancelled, "", "").isRetryable)
    }

    @Test func namesScriptsAsTheServerDoes() {
        #expect(SHA1.hexDigest(of: []) == "da39a3ee5e6b4b0d3255bfef95601890afd80709")
        #expect(SHA1.hexDigest(of: Array("abc".utf8)) == "a9993e364706816aba3e25717850c26c9cd0d89d")
        let text = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"
        #expect(SHA1.hexDigest(of: Array(text.utf8)) == "84983e441c3bd26ebaae4aa1f95129e5e54670f1")
        #expect(
            SHA1.hexDigest(of: [UInt8](repeating: 0x61, count: 1_000)) == "291e9a6c66994949b57ba5e650361e98fc36b1ba")
    }
}
