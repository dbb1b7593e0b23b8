import Domain
import Postgres

extension Identifier: PostgresValue, PostgresArrayElement {
    public static var postgresType: PostgresType { .uuid }

    public func encode(into buffer: inout PostgresBuffer) {
        buffer.append(high)
        buffer.append(low)
    }

    public init(from field: PostgresField) throws {
        try field.requireCount(16)
        self.init(high: try field.load(UInt64.self, at: 0), low: try field.load(UInt64.self, at: 8))
    }
}

extension Timestamp: PostgresValue, PostgresArrayElement {
    /// 2000-01-01T00:00:00Z, from which Postgres counts microseconds.
    private static let postgresEpoch: Int64 = 946_684_800_000

    public static var postgresType: PostgresType { .timestamptz }

    public func encode(into buffer: inout PostgresBuffer) {
        buffer.append((milliseconds - Timestamp.postgresEpoch) * 1_000)
    }

    /// Cuts microseconds off.
    public init(from field: PostgresField) throws {
        try field.requireCount(8)
        let microseconds = try field.load(Int64.self, at: 0)
        let (milliseconds, remainder) = microseconds.quotientAndRemainder(dividingBy: 1_000)
        self.init(milliseconds: milliseconds - (remainder < 0 ? 1 : 0) + Timestamp.postgresEpoch)
    }
}
