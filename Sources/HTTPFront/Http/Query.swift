import Domain
import Hummingbird

extension Request {
    /// The value of a query parameter, decoded as forms are (`+` is a blank); nil if it is not there. Parameters that no route
    /// asks for are ignored.
    ///
    /// - Throws: `Problem` 400 for one that is there twice, is not UTF-8 or holds NUL.
    func parameter(_ name: String) throws -> String? {
        guard let query = uri.query else { return nil }
        var found: String?
        for pair in query.utf8.split(separator: UInt8(ascii: "&")) {
            let parts = pair.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            guard let key = parts.first, Percent.decode(key, plusIsBlank: true) == name else { continue }
            guard found == nil else { throw Problem.malformed("\(name) is given twice") }
            let value = parts.count > 1 ? Percent.decode(parts[1], plusIsBlank: true) : ""
            guard let value, !value.utf8.contains(0) else {
                throw Problem.malformed("\(name) is not text in percent-encoded UTF-8")
            }
            found = value
        }
        return found
    }

    /// The same, read as a time.
    ///
    /// - Throws: `Problem` 400.
    func moment(_ name: String) throws -> Timestamp? {
        guard let text = try parameter(name) else { return nil }
        guard let moment = Timestamp(rfc3339: text) else {
            throw Problem.malformed("\(name) must be an RFC 3339 time; a + in a query is written %2B")
        }
        return moment
    }
}
