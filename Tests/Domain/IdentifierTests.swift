import Domain
import Testing

@Suite("Identifiers, times and types")
struct IdentifierTests {
    @Test("Text form round-trips in either case")
    func roundTrip() {
        for _ in 0..<200 {
            let id = Identifier.random()
            #expect(Identifier(id.description) == id)
            #expect(Identifier(id.description.uppercased()) == id)
            #expect(Identifier(bytes: id.bytes) == id)
            #expect(id.version == 4)
        }
    }

    @Test(
        "Nothing else is read",
        arguments: [
            "", "x", "018f0000-0000-7000-8000-00000000000", "018f0000-0000-7000-8000-0000000000000",
            "018f0000_0000-7000-8000-000000000000", "018f0000-0000-7000-8000-00000000000g",
            "{18f0000-0000-7000-8000-000000000000", "018f00000000-7000-8000-0000-00000000",
        ])
    func malformed(text: String) {
        #expect(Identifier(text) == nil)
    }

    @Test("Version 7 sorts by time and carries it")
    func timeOrder() {
        let earlier = Identifier.timeOrdered(at: Timestamp(milliseconds: 1_700_000_000_000))
        let later = Identifier.timeOrdered(at: Timestamp(milliseconds: 1_700_000_000_001))
        #expect(earlier < later)
        #expect(earlier.version == 7)
        #expect(earlier.high >> 16 == 1_700_000_000_000)
        #expect(earlier.low >> 62 == 2)
        #expect(earlier.description < later.description)
    }

    @Test(
        "Times are written in UTC with milliseconds and read with any offset",
        arguments: [
            ("2026-11-23T08:30:00.125Z", "2026-11-23T08:30:00.125Z"),
            ("2026-11-23T08:30:00Z", "2026-11-23T08:30:00.000Z"),
            ("2026-11-23T08:30:00.1239+02:00", "2026-11-23T06:30:00.123Z"),
            ("2024-02-29t00:00:00z", "2024-02-29T00:00:00.000Z"),
            ("1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999Z"),
            ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z"),
            ("9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"),
        ])
    func times(text: String, normalised: String) {
        #expect(Timestamp(rfc3339: text)?.description == normalised)
    }

    @Test(
        "Times that do not exist or cannot be stored are refused",
        arguments: [
            "", "2026-11-23", "2026-13-01T00:00:00Z", "2026-02-29T00:00:00Z", "2026-11-23T24:00:00Z",
            "2026-11-23T00:00:60Z",
            "99999-01-01T00:00:00Z", "0000-12-31T00:00:00Z", "2026-11-23T00:00:00", "2026-11-23T00:00:00.Z",
            "9999-12-31T23:59:59-01:00", "2026-11-23T00:00:00Zx", "2026-11-23T00:00:00+24:00", "٢٠٢٦-11-23T00:00:00Z",
        ])
    func impossibleTimes(text: String) {
        #expect(Timestamp(rfc3339: text) == nil)
    }

    @Test("Every day of four hundred years round-trips")
    func calendar() {
        for day in stride(from: Int64(-146_097), through: 146_097, by: 13) {
            let time = Timestamp(milliseconds: day * 86_400_000 + 12_345_678)
            #expect(Timestamp(rfc3339: time.description) == time)
        }
    }

    @Test(
        "Event types",
        arguments: [
            ("UserSignIn", true), ("a", true), (String(repeating: "x", count: 64), true),
            (String(repeating: "x", count: 65), false),
            ("", false), ("1a", false), ("a b", false), ("a-b", false), ("é", false), ("[", false), ("a{", false),
            ("@", false),
        ])
    func eventTypes(name: String, isValid: Bool) {
        #expect((EventType(name) != nil) == isValid)
    }

    @Test("A first sign-in counts as a sign-in, nothing else does")
    func countedTypes() {
        #expect(EventType.firstSignIn.counted == .signIn)
        #expect(EventType("LevelUp")?.counted == EventType("LevelUp"))
    }
}
