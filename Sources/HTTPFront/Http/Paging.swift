import Domain
import FoundationEssentials
import Hummingbird
import Storage

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

    enum Order: String {
        /// Pages that have an end.
        case newest
        /// For whoever follows a list that grows.
        case oldest
    }

    /// The order asked for.
    ///
    /// - Throws: `Problem` 400.
    static func order(_ request: Request) throws -> Order {
        guard let text = try request.parameter("order") else { return .newest }
        guard let order = Order(rawValue: text) else {
            throw Problem.malformed("order must be newest or oldest")
        }
        return order
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
    /// - Parameters:
    ///   - rows: up to one more than `limit`, which tells that there is a next page.
    ///   - otherwise: where to go on although there are no more rows here.
    /// A row's part of the cursor must never change, and rows must come by it: so whoever walks pages meets every row once
    /// that was there at the first page.
    func answer<Row>(
        _ rows: [Row], list: String, extra: [(String, JSON)] = [], json: (Row) -> JSON, key: (Row) -> [String],
        otherwise: [String]? = nil
    ) -> JSON {
        let page = rows.prefix(limit)
        let parts = rows.count > limit ? page.last.map(key) : otherwise
        let next = parts.map { Cursor(list: list, parts: $0).text }
        var members: [JSON.Member] = [
            .init(name: "data", value: .array(page.map(json))), .init(name: "next_cursor", value: JSON(next)),
        ]
        members += extra.map { JSON.Member(name: $0.0, value: $0.1) }
        return .object(members)
    }

    /// The answer to somebody who follows a list that grows: `next_cursor` is always there, and asks for what comes after.
    ///
    /// - Parameters:
    ///   - rows: up to `limit`.
    ///   - start: the sort key of the beginning, for a list that is still empty.
    ///   - otherwise: where to go on if there are fewer rows than `limit`, other than after the last of them.
    func following<Row>(
        _ rows: [Row], list: String, start: [String], json: (Row) -> JSON, key: (Row) -> [String],
        otherwise: [String]? = nil
    ) -> JSON {
        let parts = otherwise ?? rows.last.map(key) ?? cursor?.parts ?? start
        return ["data": .array(rows.map(json)), "next_cursor": .string(Cursor(list: list, parts: parts).text)]
    }
}

extension ListPosition {
    /// As a cursor carries it.
    var parts: [String] { [String(microseconds), id.description] }

    init?(parts: [String]) {
        guard parts.count == 2, let microseconds = Int64(parts[0]), let id = Identifier(parts[1]) else { return nil }
        self.init(microseconds: microseconds, id: id)
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
