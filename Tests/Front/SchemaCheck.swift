import Domain
import Foundation

@testable import HTTPFront

/// Compares values with JSON Schema (2020-12), for exactly the keywords that the description of the API uses. Another keyword
/// is a fault too: it would be promised and never checked.
struct SchemaCheck {
    /// What `$ref` refers to.
    let document: JSON
    /// Whether a member that the schema does not list is a fault even where it would be allowed: an answer of ours that holds
    /// more than is told is not described.
    var isStrict = true

    private static let annotations: Set<String> = ["description", "examples", "default"]

    /// What is wrong, each with its place; empty if nothing is.
    func faults(_ value: JSON, _ schema: JSON, at place: String = "") -> [String] {
        let unknown = isStrict ? strangers(value, schema).map { "\(place)/\($0) is not described" } : []
        return unknown + check(value, schema, at: place)
    }

    private func check(_ value: JSON, _ schema: JSON, at place: String) -> [String] {
        guard case .object(let keywords) = schema else {
            return schema == .bool(true) ? [] : ["\(place) is not allowed"]
        }
        return keywords.flatMap { keyword in
            SchemaCheck.annotations.contains(keyword.name)
                ? [] : fault(value, keyword.name, keyword.value, schema, at: place)
        }
    }

    private func fault(_ value: JSON, _ keyword: String, _ rule: JSON, _ schema: JSON, at place: String) -> [String] {
        func unless(_ isGood: Bool) -> [String] {
            isGood
                ? []
                : [
                    "\(place.isEmpty ? "the value" : place) is \(value.text.prefix(80)), against \(keyword) \(rule.text)"
                ]
        }
        switch (keyword, rule) {
        case ("$ref", .string(let reference)): return check(value, resolve(reference), at: place)
        case ("allOf", .array(let parts)): return parts.flatMap { check(value, $0, at: place) }
        case ("anyOf", .array(let parts)):
            return unless(parts.contains { faults(value, $0).isEmpty })
        case ("not", _): return unless(!check(value, rule, at: place).isEmpty)
        case ("const", _): return unless(value == rule)
        case ("enum", .array(let values)): return unless(values.contains(value))
        case ("type", .string(let type)): return unless(SchemaCheck.has(value, type))
        case ("type", .array(let types)):
            return unless(types.contains { $0.string.map { SchemaCheck.has(value, $0) } ?? false })
        case ("minimum", .integer(let least)):
            return unless(SchemaCheck.number(value).map { $0 >= Double(least) } ?? true)
        case ("maximum", .integer(let most)):
            return unless(SchemaCheck.number(value).map { $0 <= Double(most) } ?? true)
        case ("minLength", .integer(let least)):
            return unless(value.string.map { $0.unicodeScalars.count >= least } ?? true)
        case ("maxLength", .integer(let most)):
            return unless(value.string.map { $0.unicodeScalars.count <= most } ?? true)
        case ("pattern", .string(let pattern)):
            return unless(value.string.map { SchemaCheck.matches($0, pattern) } ?? true)
        case ("format", .string(let format)): return unless(value.string.map { SchemaCheck.isOf(format, $0) } ?? true)
        case ("required", .array(let names)):
            guard case .object = value else { return [] }
            return names.compactMap(\.string).filter { value[$0] == nil }.map { "\(place)/\($0) is missing" }
        case ("properties", .object(let properties)):
            return properties.flatMap { property in
                value[property.name].map { faults($0, property.value, at: "\(place)/\(property.name)") } ?? []
            }
        case ("additionalProperties", _):
            guard case .object(let members) = value else { return [] }
            let known = names(in: ["properties": schema["properties"] ?? .object([])])
            return members.filter { !known.contains($0.name) }.flatMap {
                check($0.value, rule, at: "\(place)/\($0.name)")
            }
        case ("items", _):
            guard case .array(let values) = value else { return [] }
            return values.enumerated().flatMap { faults($1, rule, at: "\(place)/\($0)") }
        case ("minItems", .integer(let least)):
            if case .array(let values) = value { return unless(values.count >= least) } else { return [] }
        case ("maxItems", .integer(let most)):
            if case .array(let values) = value { return unless(values.count <= most) } else { return [] }
        default: return ["nobody checks the keyword \(keyword) of \(schema.text.prefix(80))"]
        }
    }

    private func resolve(_ reference: String) -> JSON {
        reference.dropFirst(2).split(separator: "/").reduce(document) { $0[String($1)] ?? false }
    }

    /// Members that no part of the schema lists, where any part lists some.
    private func strangers(_ value: JSON, _ schema: JSON) -> [String] {
        guard case .object(let members) = value else { return [] }
        let known = names(in: schema)
        return known.isEmpty || isOpen(schema) ? [] : members.map(\.name).filter { !known.contains($0) }
    }

    private func isOpen(_ schema: JSON) -> Bool {
        if let reference = schema["$ref"]?.string { return isOpen(resolve(reference)) }
        if case .object = schema["additionalProperties"] { return true }
        return schema["properties"] == nil
    }

    private func names(in schema: JSON) -> Set<String> {
        var names: Set<String> = []
        if let reference = schema["$ref"]?.string { names.formUnion(self.names(in: resolve(reference))) }
        for keyword in ["allOf", "anyOf"] {
            if case .array(let parts) = schema[keyword] ?? .null {
                for part in parts { names.formUnion(self.names(in: part)) }
            }
        }
        if case .object(let properties) = schema["properties"] ?? .null { names.formUnion(properties.map(\.name)) }
        return names
    }

    private static func has(_ value: JSON, _ type: String) -> Bool {
        switch (type, value) {
        case ("null", .null), ("boolean", .bool), ("integer", .integer), ("number", .integer), ("number", .number),
            ("string", .string), ("array", .array), ("object", .object):
            true
        default: false
        }
    }

    private static func number(_ value: JSON) -> Double? {
        switch value {
        case .integer(let value): Double(value)
        case .number(let value): value
        default: nil
        }
    }

    static func matches(_ text: String, _ pattern: String) -> Bool {
        guard let expression = try? NSRegularExpression(pattern: pattern) else { return false }
        let range = NSRange(text.startIndex..., in: text)
        return expression.firstMatch(in: text, range: range) != nil
    }

    private static func isOf(_ format: String, _ text: String) -> Bool {
        switch format {
        case "uuid": Identifier(text) != nil
        case "date-time": Timestamp(rfc3339: text) != nil
        default: false
        }
    }
}
