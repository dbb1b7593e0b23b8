import Domain
import Testing

@Suite("Text that is written without a String")
struct TextTests {
    @Test("Identifiers and times are what their parsers read")
    func readBack() throws {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<1_000 {
            let id = Identifier(high: generator.next(), low: generator.next())
            let text = id.description
            #expect(Identifier(text) == id)
            #expect(text.utf8.count == 36 && text == text.lowercased())
            let bytes = id.text
            #expect(Array(text.utf8) == bytes.indices.map { bytes[$0] })
            let time = Timestamp(milliseconds: .random(in: Timestamp.range, using: &generator))
            #expect(Timestamp(rfc3339: time.description) == time)
        }
    }

    @Test(
        "Times at the ends of their range and of years",
        arguments: [
            (Timestamp.range.lowerBound, "0001-01-01T00:00:00.000Z"), (-1, "1969-12-31T23:59:59.999Z"),
            (0, "1970-01-01T00:00:00.000Z"), (951_782_400_007, "2000-02-29T00:00:00.007Z"),
            (Timestamp.range.upperBound, "9999-12-31T23:59:59.999Z"),
        ])
    func ends(milliseconds: Int64, text: String) {
        let time = Timestamp(milliseconds: milliseconds)
        #expect(time.description == text)
        let bytes = time.text
        #expect(Array(text.utf8) == bytes.indices.map { bytes[$0] })
    }

    @Test(
        "Random words are as many as asked for, and never those of another time", arguments: [0, 1, 33, 2_000, 5_000])
    func random(count: Int) {
        var one = KernelRandom(words: count)
        var two = KernelRandom(words: 2)
        let words = (0..<count + 3).map { _ in one.next() } + (0..<4).map { _ in two.next() }
        #expect(Set(words).count == words.count)
    }
}
