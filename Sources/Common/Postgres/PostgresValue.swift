/// The object identifiers of a type and of an array of it, from `pg_type`.
public struct PostgresType: Sendable, Hashable {
    public let oid: UInt32
    public let arrayOID: UInt32

    public init(oid: UInt32, arrayOID: UInt32) {
        self.oid = oid
        self.arrayOID = arrayOID
    }

    public static let bool = PostgresType(oid: 16, arrayOID: 1000)
    public static let bytea = PostgresType(oid: 17, arrayOID: 1001)
    public static let int8 = PostgresType(oid: 20, arrayOID: 1016)
    public static let int2 = PostgresType(oid: 21, arrayOID: 1005)
    public static let int4 = PostgresType(oid: 23, arrayOID: 1007)
    public static let text = PostgresType(oid: 25, arrayOID: 1009)
    public static let float8 = PostgresType(oid: 701, arrayOID: 1022)
    public static let timestamptz = PostgresType(oid: 1184, arrayOID: 1185)
    public static let uuid = PostgresType(oid: 2950, arrayOID: 2951)
}

/// A value that travels to and from Postgres in its binary form.
public protocol PostgresValue: Sendable {
    static var postgresType: PostgresType { get }
    /// Appends the binary form, without a length.
    func encode(into buffer: inout PostgresBuffer)
    /// - Throws: `PostgresError` with code `.decoding` when the field has another length or content.
    init(from field: PostgresField) throws
}

/// Bytes on their way to the server, integers big-endian.
public struct PostgresBuffer: Sendable {
    @usableFromInline var content: [UInt8] = []

    public var bytes: [UInt8] { content }

    @inlinable
    public mutating func append(_ value: some FixedWidthInteger) {
        unsafe withUnsafeBytes(of: value.bigEndian) { unsafe content.append(contentsOf: $0) }
    }

    @inlinable
    public mutating func append(contentsOf other: some Collection<UInt8>) {
        content.append(contentsOf: other)
    }

    /// Appends a length, then what `body` appends, and sets the length to the size of that.
    @inlinable
    mutating func appendWithLength(_ body: (inout PostgresBuffer) -> Void) {
        let start = content.count
        append(Int32(0))
        body(&self)
        let length = UInt32(truncatingIfNeeded: content.count - start - 4)
        for index in 0..<4 {
            content[start + index] = UInt8(truncatingIfNeeded: length >> UInt32(24 - index * 8))
        }
    }

    /// Begins an array of one dimension.
    @usableFromInline
    mutating func appendArrayHeader(of type: PostgresType, count: Int, hasNulls: Bool) {
        content.reserveCapacity(content.count + 20 + count * 20)
        append(Int32(count == 0 ? 0 : 1))
        append(Int32(hasNulls ? 1 : 0))
        append(type.oid)
        guard count > 0 else { return }
        append(Int32(truncatingIfNeeded: count))
        append(Int32(1))
    }
}

extension FixedWidthInteger where Self: PostgresValue {
    @inlinable
    public func encode(into buffer: inout PostgresBuffer) {
        buffer.append(self)
    }

    public init(from field: PostgresField) throws {
        try field.requireCount(MemoryLayout<Self>.size)
        self = try field.load(Self.self, at: 0)
    }
}

extension Int16: PostgresValue {
    public static var postgresType: PostgresType { .int2 }
}

extension Int32: PostgresValue {
    public static var postgresType: PostgresType { .int4 }
}

extension Int64: PostgresValue {
    public static var postgresType: PostgresType { .int8 }
}

extension Int: PostgresValue {
    public static var postgresType: PostgresType { .int8 }
}

extension Bool: PostgresValue {
    public static var postgresType: PostgresType { .bool }

    public func encode(into buffer: inout PostgresBuffer) {
        buffer.append(UInt8(self ? 1 : 0))
    }

    public init(from field: PostgresField) throws {
        try field.requireCount(1)
        self = try field.load(UInt8.self, at: 0) != 0
    }
}

extension Double: PostgresValue {
    public static var postgresType: PostgresType { .float8 }

    public func encode(into buffer: inout PostgresBuffer) {
        buffer.append(bitPattern)
    }

    public init(from field: PostgresField) throws {
        try field.requireCount(8)
        self.init(bitPattern: try field.load(UInt64.self, at: 0))
    }
}

extension String: PostgresValue {
    public static var postgresType: PostgresType { .text }

    @inlinable
    public func encode(into buffer: inout PostgresBuffer) {
        buffer.append(contentsOf: utf8)
    }

    public init(from field: PostgresField) throws {
        self = field.string
    }
}

/// Arrays of bytes are `bytea`; arrays of anything else are one-dimensional Postgres arrays without nulls.
extension Array: PostgresValue where Element: PostgresArrayElement {
    public static var postgresType: PostgresType { Element.arrayPostgresType }

    public func encode(into buffer: inout PostgresBuffer) {
        Element.encodeArray(self, into: &buffer)
    }

    public init(from field: PostgresField) throws {
        self = try Element.decodeArray(from: field)
    }
}

/// What may stand in an array parameter or column.
public protocol PostgresArrayElement: Sendable {
    static var arrayPostgresType: PostgresType { get }
    static func encodeArray(_ elements: [Self], into buffer: inout PostgresBuffer)
    static func decodeArray(from field: PostgresField) throws -> [Self]
}

extension UInt8: PostgresArrayElement {
    public static var arrayPostgresType: PostgresType { .bytea }

    public static func encodeArray(_ elements: [UInt8], into buffer: inout PostgresBuffer) {
        buffer.append(contentsOf: elements)
    }

    public static func decodeArray(from field: PostgresField) throws -> [UInt8] {
        field.bytes
    }
}

extension PostgresArrayElement where Self: PostgresValue {
    public static var arrayPostgresType: PostgresType {
        PostgresType(oid: postgresType.arrayOID, arrayOID: 0)
    }

    // Inlinable, so that each type has code of its own: a batch has thousands of elements.
    @inlinable
    public static func encodeArray(_ elements: [Self], into buffer: inout PostgresBuffer) {
        buffer.appendArrayHeader(of: postgresType, count: elements.count, hasNulls: false)
        for element in elements { buffer.appendWithLength { element.encode(into: &$0) } }
    }

    public static func decodeArray(from field: PostgresField) throws -> [Self] {
        let dimensions = try field.load(Int32.self, at: 0)
        guard dimensions > 0 else { return [] }
        guard dimensions == 1 else { throw field.error("has \(dimensions) dimensions") }
        var offset = 20
        return try (0..<(try field.load(Int32.self, at: 12))).map { _ in
            let length = Int(try field.load(Int32.self, at: offset))
            guard length >= 0 else { throw field.error("holds a null") }
            defer { offset += 4 + length }
            return try Self(from: try field.part(offset + 4, count: length))
        }
    }
}

extension Int16: PostgresArrayElement {}
extension Int32: PostgresArrayElement {}
extension Int64: PostgresArrayElement {}
extension Int: PostgresArrayElement {}
extension Bool: PostgresArrayElement {}
extension Double: PostgresArrayElement {}
extension String: PostgresArrayElement {}

extension Optional: PostgresArrayElement where Wrapped: PostgresValue & PostgresArrayElement {
    public static var arrayPostgresType: PostgresType { Wrapped.arrayPostgresType }

    public static func encodeArray(_ elements: [Wrapped?], into buffer: inout PostgresBuffer) {
        let hasNulls = elements.contains { $0 == nil }
        buffer.appendArrayHeader(of: Wrapped.postgresType, count: elements.count, hasNulls: hasNulls)
        for element in elements {
            if let element {
                buffer.appendWithLength { element.encode(into: &$0) }
            } else {
                buffer.append(Int32(-1))
            }
        }
    }

    /// Reading arrays that hold nulls is not offered.
    public static func decodeArray(from field: PostgresField) throws -> [Wrapped?] {
        try Wrapped.decodeArray(from: field)
    }
}
