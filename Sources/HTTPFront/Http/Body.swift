import HTTPTypes
import Hummingbird
import NIOCore

extension Request {
    /// The whole body.
    ///
    /// - Throws: `Problem` 413 beyond the limit, without reading the rest.
    func bytes(_ context: FrontContext) async throws -> [UInt8] {
        if let announced = headers.value(of: .contentLength).flatMap(Int.init), announced > context.maxUploadSize {
            throw Problem.tooLarge(context.maxUploadSize)
        }
        do {
            let buffer = try await body.collect(upTo: context.maxUploadSize)
            return Array(buffer.readableBytesView)
        } catch is NIOTooManyBytesError {
            throw Problem.tooLarge(context.maxUploadSize)
        }
    }

    /// The body as JSON. A missing content type is taken for JSON; another one is refused, which also keeps forms of
    /// foreign pages out.
    ///
    /// - Throws: `Problem` 400, 413 or 415.
    func json(_ context: FrontContext) async throws -> JSON {
        guard let json = try await optionalJSON(context) else { throw Problem.malformed("The body is missing") }
        return json
    }

    /// The same; nil for no body at all.
    ///
    /// - Throws: `Problem` 400, 413 or 415.
    func optionalJSON(_ context: FrontContext) async throws -> JSON? {
        if let type = headers.value(of: .contentType), !Request.isJSON(type) {
            throw Problem.unsupportedMediaType("application/json")
        }
        let bytes = try await bytes(context)
        guard !bytes.isEmpty else { return nil }
        do {
            return try JSONParser.parse(bytes)
        } catch {
            throw Problem.malformed("The body is not JSON: \(error.reason), at byte \(error.offset)")
        }
    }

    private static func isJSON(_ type: String) -> Bool {
        if type == "application/json" { return true }
        let essence = type.prefix { $0 != ";" }.lowercased().filter { $0 != " " }
        return essence == "application/json" || essence.hasSuffix("+json")
    }
}

/// The fields of an `application/x-www-form-urlencoded` body, as the WHATWG URL standard reads them.
struct FormFields {
    private var values: [String: [String]] = [:]

    /// - Returns: nil when a field is not UTF-8.
    init?(_ bytes: [UInt8]) {
        for pair in bytes.split(separator: UInt8(ascii: "&")) {
            let parts = pair.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = Percent.decode(parts[0], plusIsBlank: true),
                let value = parts.count > 1 ? Percent.decode(parts[1], plusIsBlank: true) : ""
            else { return nil }
            values[name, default: []].append(value)
        }
    }

    /// The value of a field that is there once; RFC 6749 forbids to send a parameter twice.
    subscript(name: String) -> String? {
        values[name]?.first
    }

    func isRepeated(_ name: String) -> Bool {
        (values[name]?.count ?? 0) > 1
    }

}

/// Percent-encoding (RFC 3986, section 2.1).
enum Percent {
    /// - Returns: nil when the bytes are not UTF-8.
    static func decode(_ bytes: some Collection<UInt8>, plusIsBlank: Bool = false) -> String? {
        let bytes = Array(bytes)
        var decoded: [UInt8] = []
        decoded.reserveCapacity(bytes.count)
        var index = bytes.startIndex
        while index < bytes.endIndex {
            let byte = bytes[index]
            if plusIsBlank, byte == UInt8(ascii: "+") {
                decoded.append(0x20)
            } else if byte == UInt8(ascii: "%"), index + 2 < bytes.endIndex,
                let high = hex(bytes[index + 1]), let low = hex(bytes[index + 2])
            {
                decoded.append(high << 4 | low)
                index += 2
            } else {
                decoded.append(byte)
            }
            index += 1
        }
        return String(validating: decoded, as: UTF8.self)
    }

    private static func hex(_ byte: UInt8) -> UInt8? {
        Character(Unicode.Scalar(byte)).hexDigitValue.map(UInt8.init)
    }
}
