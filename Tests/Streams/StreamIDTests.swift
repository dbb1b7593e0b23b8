import Streams
import Testing

@Suite struct StreamIDTests {
    @Test(arguments: ["0-0", "1763854378123-0", "1763854378123-17", "18446744073709551615-18446744073709551615"])
    func readsWhatItWrites(text: String) {
        #expect(StreamID(text)?.description == text)
    }

    @Test(arguments: [
        "", "-", "1", "1-", "-1", "1-2-3", "+1-1", "1 -1", "a-1", "18446744073709551616-0", "1-18446744073709551616",
        "1-1\0",
    ])
    func refusesEverythingElse(text: String) {
        #expect(StreamID(text) == nil)
    }

    @Test func sortsAsTheStreamDoes() {
        let ids = ["9-9", "10-0", "10-2", "10-10", "100-0"].compactMap { StreamID($0) }
        #expect(ids.count == 5)
        #expect(ids.shuffled().sorted() == ids)
        #expect(StreamID.zero < ids[0])
    }
}
