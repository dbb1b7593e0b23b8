/// A statement whose values travel beside it: `"… WHERE user_id = \(id)"` becomes `$1` and a bound parameter.
///
/// The text is prepared once per connection, so it should not vary with its values; lists are bound as one array.
public struct SQL: ExpressibleByStringInterpolation, Sendable {
    struct Parameter: Sendable {
        let oid: UInt32
        /// Nil is NULL.
        let bytes: [UInt8]?
    }

    /// Text, or the place of a parameter; kept so that one statement can become part of another.
    fileprivate enum Piece: Sendable {
        case text(String)
        case parameter
    }

    /// The statement with `$1`, `$2`, … for its values.
    public let text: String
    let parameters: [Parameter]
    private let pieces: [Piece]

    public init(stringLiteral value: String) {
        text = value
        parameters = []
        pieces = [.text(value)]
    }

    public init(stringInterpolation: Interpolation) {
        pieces = stringInterpolation.pieces
        parameters = stringInterpolation.parameters
        var number = 0
        text = pieces.reduce(into: "") { text, piece in
            switch piece {
            case .text(let part): text += part
            case .parameter:
                number += 1
                text += "$\(number)"
            }
        }
    }

    /// One statement of several parts, each keeping its values.
    public init(joining parts: [SQL], by separator: String) {
        var joined = Interpolation(literalCapacity: 0, interpolationCount: parts.count)
        for (index, part) in parts.enumerated() {
            if index > 0 { joined.appendLiteral(separator) }
            joined.appendInterpolation(part)
        }
        self.init(stringInterpolation: joined)
    }

    public struct Interpolation: StringInterpolationProtocol, Sendable {
        fileprivate var pieces: [Piece] = []
        var parameters: [Parameter] = []

        public init(literalCapacity: Int, interpolationCount: Int) {
            pieces.reserveCapacity(interpolationCount * 2 + 1)
            parameters.reserveCapacity(interpolationCount)
        }

        public mutating func appendLiteral(_ literal: String) {
            if !literal.isEmpty { pieces.append(.text(literal)) }
        }

        /// Binds a value.
        public mutating func appendInterpolation<Value: PostgresValue>(_ value: Value) {
            bind(Value.postgresType.oid, value)
        }

        /// Binds a value or NULL.
        public mutating func appendInterpolation<Value: PostgresValue>(_ value: Value?) {
            bind(Value.postgresType.oid, value)
        }

        /// Puts another statement here.
        public mutating func appendInterpolation(_ part: SQL) {
            pieces += part.pieces
            parameters += part.parameters
        }

        /// Pastes text into the statement: never anything that came from outside.
        public mutating func appendInterpolation(unsafe text: String) {
            appendLiteral(text)
        }

        private mutating func bind(_ oid: UInt32, _ value: (any PostgresValue)?) {
            let bytes = value.map { value in
                var buffer = PostgresBuffer()
                value.encode(into: &buffer)
                return buffer.bytes
            }
            parameters.append(Parameter(oid: oid, bytes: bytes))
            pieces.append(.parameter)
        }
    }
}
