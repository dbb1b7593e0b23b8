import CLibPQ

/// Owns a `PGresult` and frees it with its last reader. Never written to after it was made, hence safe to share.
@safe final class ResultHandle: @unchecked Sendable {
    let pointer: OpaquePointer

    init(_ pointer: OpaquePointer) {
        unsafe self.pointer = unsafe pointer
    }

    deinit {
        unsafe PQclear(pointer)
    }
}

/// The rows of one statement, views into libpq's own memory.
public struct PostgresResult: RandomAccessCollection, Sendable {
    let handle: ResultHandle
    public let startIndex = 0
    public let endIndex: Int

    init(_ handle: ResultHandle) {
        self.handle = handle
        endIndex = unsafe Int(PQntuples(handle.pointer))
    }

    public subscript(position: Int) -> PostgresRow {
        PostgresRow(handle: handle, index: Int32(position))
    }

    /// How many rows an INSERT, UPDATE, DELETE or SELECT touched.
    public var affectedRows: Int {
        unsafe Int(String(cString: PQcmdTuples(handle.pointer))) ?? 0
    }

    var commandTag: String {
        unsafe String(cString: PQcmdStatus(handle.pointer))
    }
}

/// One row; columns are numbered from 0 in the order of the SELECT or RETURNING list.
public struct PostgresRow: Sendable {
    let handle: ResultHandle
    let index: Int32

    /// - Throws: `PostgresError` with code `.decoding` for a NULL, a column that is not there or another type.
    public func decode<Value: PostgresValue>(_ column: Int, as type: Value.Type = Value.self) throws -> Value {
        guard let field = try field(column) else {
            throw PostgresError(.decoding, operation: "read column \(column)", message: "is null")
        }
        return try Value(from: field)
    }

    /// Like `decode`, with nil for NULL.
    public func decodeIfPresent<Value: PostgresValue>(
        _ column: Int, as type: Value.Type = Value.self
    ) throws -> Value? {
        try field(column).map(Value.init(from:))
    }

    private func field(_ column: Int) throws -> PostgresField? {
        let number = Int32(truncatingIfNeeded: column)
        guard number >= 0, unsafe number < PQnfields(handle.pointer) else {
            throw PostgresError(.decoding, operation: "read column \(column)", message: "is not there")
        }
        guard unsafe PQgetisnull(handle.pointer, index, number) == 0,
            let value = unsafe PQgetvalue(handle.pointer, index, number)
        else { return nil }
        let count = unsafe Int(PQgetlength(handle.pointer, index, number))
        return unsafe PostgresField(
            handle: handle, memory: unsafe UnsafeRawBufferPointer(start: value, count: count), column: column)
    }
}

/// The bytes of one value, valid as long as the field is held.
@safe public struct PostgresField: @unchecked Sendable {
    let handle: ResultHandle
    let memory: UnsafeRawBufferPointer
    let column: Int

    public var count: Int { unsafe memory.count }
    public var bytes: [UInt8] { unsafe Array(memory) }
    public var string: String { unsafe String(decoding: memory, as: UTF8.self) }

    /// A big-endian integer.
    public func load<Value: FixedWidthInteger>(_ type: Value.Type, at offset: Int) throws -> Value {
        guard offset >= 0, offset + MemoryLayout<Value>.size <= count else { throw error("has \(count) bytes") }
        return unsafe Value(bigEndian: memory.loadUnaligned(fromByteOffset: offset, as: Value.self))
    }

    public func requireCount(_ expected: Int) throws {
        guard count == expected else { throw error("has \(count) bytes, not \(expected)") }
    }

    func part(_ offset: Int, count length: Int) throws -> PostgresField {
        guard offset >= 0, length >= 0, offset + length <= count else { throw error("ends early") }
        return unsafe PostgresField(
            handle: handle, memory: unsafe UnsafeRawBufferPointer(rebasing: memory[offset..<offset + length]),
            column: column)
    }

    func error(_ message: String) -> PostgresError {
        PostgresError(.decoding, operation: "read column \(column)", message: message)
    }
}
