import Domain

/// Reads the members of a JSON object and collects everything that is wrong with them, each under its pointer.
struct Fields {
    private let object: JSON
    private let index: Int?
    private(set) var faults: [Problem.Fault] = []

    /// Where the object stands in the body; empty for the body itself.
    private var pointer: String { index.map { "/\($0)" } ?? "" }

    /// - Parameter index: the object's place in the array that the body is, if it is one.
    init(_ object: JSON, at index: Int? = nil) {
        self.object = object
        self.index = index
        if case .object = object { return }
        faults.append(Problem.Fault(pointer: pointer, detail: "must be an object, and is \(object.kind)"))
    }

    mutating func fault(_ name: String, _ detail: String) {
        faults.append(Problem.Fault(pointer: "\(pointer)/\(name)", detail: detail))
    }

    /// - Throws: `Problem` 422 if anything was wrong.
    func check() throws {
        if !faults.isEmpty { throw Problem.invalid(faults) }
    }

    /// A member that may be absent or null.
    mutating func optionalString(_ name: String) -> String? {
        switch object[name] {
        case nil, .null: return nil
        case .string(let text): return text
        case .some(let other):
            fault(name, "must be a string, and is \(other.kind)")
            return nil
        }
    }

    mutating func string(_ name: String) -> String {
        let before = faults.count
        guard let text = optionalString(name) else {
            if faults.count == before { missing(name) }
            return ""
        }
        return text
    }

    /// A member that must be one of the names of `Value`.
    mutating func choice<Value: RawRepresentable & CaseIterable>(_ name: String) -> Value?
    where Value.RawValue == String {
        let before = faults.count
        guard let text = optionalString(name) else {
            if faults.count == before { missing(name) }
            return nil
        }
        if let value = Value(rawValue: text) { return value }
        fault(name, "must be " + Value.allCases.map(\.rawValue).joined(separator: " or "))
        return nil
    }

    /// A member that must have a value, which is not null, if it is there at all.
    mutating func refuseNull(_ names: [String]) {
        for name in names where object[name] == .null { fault(name, "must not be null") }
    }

    /// A whole number, which may be written as `3.0` or `3e2`.
    mutating func optionalInteger(_ name: String, in range: ClosedRange<Int64>) -> Int64? {
        let number: Int64?
        switch object[name] {
        case nil, .null: return nil
        case .integer(let value): number = value
        case .number(let value): number = Int64(exactly: value)
        case .some(let other):
            fault(name, "must be a number, and is \(other.kind)")
            return nil
        }
        guard let number, range.contains(number) else {
            fault(name, "must be a whole number from \(range.lowerBound) to \(range.upperBound)")
            return nil
        }
        return number
    }

    mutating func integer(_ name: String, in range: ClosedRange<Int64>) -> Int64 {
        let before = faults.count
        let number = optionalInteger(name, in: range)
        if number == nil, faults.count == before { missing(name) }
        return number ?? range.lowerBound
    }

    mutating func optionalBoolean(_ name: String) -> Bool? {
        switch object[name] {
        case nil, .null: return nil
        case .bool(let value): return value
        case .some(let other):
            fault(name, "must be true or false, and is \(other.kind)")
            return nil
        }
    }

    mutating func optionalIdentifier(_ name: String) -> Identifier? {
        guard let text = optionalString(name) else { return nil }
        guard let id = Identifier(text) else {
            fault(name, "must be a UUID")
            return nil
        }
        return id
    }

    mutating func identifier(_ name: String) -> Identifier? {
        let before = faults.count
        let id = optionalIdentifier(name)
        if id == nil, faults.count == before { missing(name) }
        return id
    }

    /// A member that nobody reads is a mistake of the sender.
    mutating func refuseOthers(than known: some Collection<String>) {
        guard case .object(let members) = object else { return }
        for member in members where !known.contains(member.name) {
            let escaped = member.name.replacing("~", with: "~0").replacing("/", with: "~1")
            fault(escaped, "is not known here")
        }
    }

    private mutating func missing(_ name: String) {
        if case .object = object { fault(name, "is missing") }
    }
}
