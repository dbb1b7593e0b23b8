import Testing

@testable import HTTPFront

@Suite("JSON")
struct JSONTests {
    private func parse(_ text: String) throws -> JSON { try JSONParser.parse(Array(text.utf8)) }

    @Test("Values are read and written as they are")
    func roundTrip() throws {
        let text = #"{"a":[1,-2,2.5,true,false,null],"b":{"c":"x\"\\\n\u0001ä👍"},"":0}"#
        #expect(try parse(text).text == text)
        #expect(try parse(" [ 1 , 2 ] ").text == "[1,2]")
        #expect(try parse(#""\u00e4\ud83d\udc4d\/""#) == .string("ä👍/"))
        #expect(try parse("9223372036854775807") == .integer(.max))
        #expect(try parse("[5.0,1e2,-0.0,0.5]") == .array([.integer(5), .integer(100), .integer(0), .number(0.5)]))
        #expect(try parse("9223372036854775808") == .number(9_223_372_036_854_775_808))
    }

    @Test(
        "Anything else is refused",
        arguments: [
            "", " ", "{", "[", "[1", "[1,", "[1,]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "'a'", "tru", "nul",
            "01", "-", "1.", ".5", "1e", "+1", "1e999", "NaN", "\"", "\"\\x\"", "\"\\u12\"", "\"\\ud800\"",
            "\"\\ud800\\u0041\"", "\"\\udc00\"", "\"\t\"", "1 2", "[1] x", "\u{feff}1",
            #"{"a":1,"a":2}"#, #"{"a":1,"\u0061":2}"#,
        ])
    func refused(_ text: String) {
        #expect(throws: JSONError.self) { try parse(text) }
    }

    @Test("Bad UTF-8 is refused, and so is what would exhaust the stack")
    func limits() {
        #expect(throws: JSONError.self) { try JSONParser.parse([0x22, 0xff, 0x22]) }
        #expect(throws: JSONError.self) { try JSONParser.parse([0x22, 0xed, 0xa0, 0x80, 0x22]) }
        #expect(throws: JSONError.self) { try parse(String(repeating: "[", count: 100_000)) }
    }

    @Test("A name may stand once, however many there are, and is compared byte by byte")
    func names() throws {
        for count in [1, 7, 8, 9, 20] {
            let members = (0..<count).map { "\"n\($0)\":\($0)" }.joined(separator: ",")
            #expect(try parse("{\(members)}")["n\(count - 1)"] == .integer(Int64(count - 1)))
            for twice in [0, count - 1] {
                #expect(throws: JSONError.self) { try parse("{\(members),\"n\(twice)\":0}") }
            }
        }
        // Canonically equal, and not the same bytes.
        #expect(try parse("{\"\u{e9}\":1,\"e\u{301}\":2}") != .null)
    }

    @Test("A fault says where it stands")
    func offset() {
        #expect(throws: JSONError(offset: 6, reason: "a comma or ] should stand here")) { try parse("[1, 2 3]") }
    }
}
