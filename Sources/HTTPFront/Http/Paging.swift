import Domain
import FoundationEssentials
import Hummingbird

/// Which page of a list is asked for: `limit` (1 to 100) and `cursor`, the `next_cursor` of the page before.
struct Paging {
    static let largest = 100
    static let usual = 50

    let limit: Int
    let cursor: Cursor?

    /// - Parameter list: a name that a cursor carries, so that none is used on another list.
    /// - Throws: `Problem` 400.
    init(_ request: Request, list: String) throws {
        limit =
            try request.parameter("limit").map { text in
                guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let limit = Int(text),
                    (1...Paging.largest).contains(limit)
                else {
                    throw Problem.malformed("limit must be a whole number between 1 and \(Paging.largest)")
                }
                return limit
            } ?? Paging.usual
        cursor = try request.parameter("cursor").map { text in
            guard let cursor = Cursor(text, list: list) else {
                throw Problem.malformed("cursor is not one that this list gave out")
            }
            return cursor
        }
    }

    /// Where the page begins, nil for the first one.
    ///
    /// - Parameter read: the sort key from the parts of a cursor, nil if they are none.
    /// - Throws: `Problem` 400.
    func position<Key>(_ read: ([String]) -> Key?) throws -> Key? {
        guard let cursor else { return nil }
        guard let key = read(cursor.parts) else {
            throw Problem.malformed("cursor is not one that this list gave out")
        }
        return key
    }

    /// The answer: `{data, next_cursor}`.
    ///
    /// - Parameter rows: up to one more than `limit`, which tells that there is a next page.
    func answer<Row>(
        _ rows: [Row], list: String, extra: [(String, JSON)] = [], json: (Row) -> JSON, key: (Row) -> [String]
    ) -> JSON {
        let page = rows.prefix(limit)
        let next = rows.count > limit ? page.last.map { Cursor(list: list, parts: key($0)).text } : nil
        var members: [JSON.Member] = [
            .init(name: "data", value: .array(page.map(json))), .init(name: "next_cursor", value: JSON(next)),
        ]
        members += extra.map { JSON.Member(name: $0.0, value: $0.1) }
        return .object(members)
    }
}

/// The place where a page ended: the sort key of its last row, for nobody else to read.
struct Cursor: Equatable {
    let list: String
    let parts: [String]

    init(list: String, parts: [String]) {
        self.list = list
        self.parts = parts
    }

    init?(_ text: String, list: String) {
        var base64 = text.replacing("-", with: "+").replacing("_", with: "/")
        base64 += String(repeating: "=", count: (4 - base64.count % 4) % 4)
        guard text.utf8.count <= 2_048, let data = Data(base64Encoded: base64),
            let json = try? JSONParser.parse(Array(data)), case .array(let values) = json
        else { return nil }
        let strings = values.compactMap(\.string)
        guard strings.count == values.count, strings.first == list,
            !strings.contains(where: { $0.unicodeScalars.contains("\u{0}") })
        else { return nil }
        self.list = list
        parts = Array(strings.dropFirst())
    }

    var text: String {
        let json = JSON.array(([list] + parts).map(JSON.string))
        return Data(json.text.utf8).base64EncodedString()
            .replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }
}
