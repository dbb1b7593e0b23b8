import Domain
import Postgres

/// Which rows of a batch were new.
public enum Inserted: Sendable, Equatable {
    case all(Int)
    case some(Set<Identifier>)

    public static let none = Inserted.some([])

    public var count: Int {
        switch self {
        case .all(let count): count
        case .some(let ids): ids.count
        }
    }

    public func contains(_ id: Identifier) -> Bool {
        switch self {
        case .all: true
        case .some(let ids): ids.contains(id)
        }
    }

    /// Two columns for a SELECT from what was inserted. The ids travel only when neither all nor none were.
    static func columns(id: StaticString, of count: Int) -> SQL {
        """
        count(*), CASE WHEN count(*) > 0 AND count(*) < \(count) THEN array_agg(\(unsafe: "\(id)")) END
        """
    }

    /// Reads the first two columns.
    init(_ row: PostgresRow?, of count: Int) throws {
        guard let row else {
            self = .none
            return
        }
        let inserted = try row.decode(0, as: Int64.self)
        self = inserted == count ? .all(count) : .some(Set(try row.decodeIfPresent(1, as: [Identifier].self) ?? []))
    }
}
