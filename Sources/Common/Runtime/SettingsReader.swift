import FoundationEssentials

/// Reads typed settings from the environment and collects everything that is wrong with them, so that one start names
/// every mistake at once. Whatever is wrong reads as its default or as an empty value until `read` throws at the end.
///
/// An empty variable counts as unset.
public struct SettingsReader {
    /// The largest file that a `…_FILE` setting may point to.
    public static let largestFile = 65_536

    private let environment: [String: String]
    public private(set) var problems: [SettingProblem] = []

    public init(_ environment: [String: String] = ProcessInfo.processInfo.environment) {
        self.environment = environment.filter { !$0.value.isEmpty }
    }

    /// Runs `body` with a reader of `environment`.
    ///
    /// - Throws: `SettingsError` with every problem that `body` met; a nil result with no problem is one, too.
    public static func read<Value>(
        _ environment: [String: String] = ProcessInfo.processInfo.environment,
        _ body: (inout SettingsReader) -> Value?
    ) throws(SettingsError) -> Value {
        var reader = SettingsReader(environment)
        let value = body(&reader)
        guard reader.problems.isEmpty, let value else {
            // What several parts of the settings read is wrong once.
            var told: Set<SettingProblem> = []
            throw SettingsError(reader.problems.filter { told.insert($0).inserted })
        }
        return value
    }

    /// Whether the setting has a value of its own, as a variable or, for a secret, as a file.
    public func isSet(_ name: String) -> Bool {
        environment[name] != nil || environment["\(name)_FILE"] != nil
    }

    /// Adds a problem that only the caller can see, for instance two settings that contradict each other.
    public mutating func report(_ name: String, _ reason: String) {
        problems.append(SettingProblem(name: name, reason: reason))
    }

    /// A setting that may be absent.
    public func optional(_ name: String) -> String? {
        environment[name]
    }

    public func string(_ name: String, default fallback: String) -> String {
        environment[name] ?? fallback
    }

    public mutating func required(_ name: String) -> String {
        guard let text = environment[name] else {
            report(name, "is not set")
            return ""
        }
        return text
    }

    public mutating func integer(_ name: String, default fallback: Int, in range: ClosedRange<Int>) -> Int {
        guard let text = environment[name] else { return fallback }
        guard let value = Int(text) else {
            report(name, "must be a whole number, and is not")
            return fallback
        }
        guard range.contains(value) else {
            report(name, "must be between \(range.lowerBound) and \(range.upperBound), and is \(value)")
            return fallback
        }
        return value
    }

    /// `true` or `false`, `1` or `0`, `yes` or `no`, `on` or `off`, in any case.
    public mutating func boolean(_ name: String, default fallback: Bool) -> Bool {
        guard let text = environment[name] else { return fallback }
        switch text.lowercased() {
        case "true", "1", "yes", "on": return true
        case "false", "0", "no", "off": return false
        default:
            report(name, "must be true or false")
            return fallback
        }
    }

    /// One of the raw values of `Choice`.
    public mutating func choice<Choice: CaseIterable & RawRepresentable<String>>(
        _ name: String, default fallback: Choice
    ) -> Choice {
        guard let text = environment[name] else { return fallback }
        guard let value = Choice(rawValue: text.lowercased()) else {
            report(name, "must be one of " + Choice.allCases.map(\.rawValue).joined(separator: ", "))
            return fallback
        }
        return value
    }

    /// A setting with a form of its own; it may be a secret and is then read from `…_FILE` as well.
    ///
    /// - Parameter parse: throws an error whose description says what is wrong and does not repeat the value.
    /// - Returns: nil exactly when a problem was recorded.
    public mutating func parsed<Value>(
        _ name: String, default fallback: String? = nil, _ parse: (String) throws -> Value
    ) -> Value? {
        let problemsBefore = problems.count
        guard let text = secret(name) ?? fallback else {
            if problems.count == problemsBefore { report(name, "is not set") }
            return nil
        }
        do {
            return try parse(text)
        } catch {
            report(name, "cannot be used: \(error)")
            return nil
        }
    }

    /// A secret from the variable `name` or from the file that `name_FILE` names; one line end at its end is cut off.
    public mutating func secret(_ name: String) -> String? {
        guard let path = environment["\(name)_FILE"] else { return environment[name] }
        guard environment[name] == nil else {
            report(name, "is set twice, as \(name) and as \(name)_FILE")
            return nil
        }
        guard let bytes = FileManager.default.contents(atPath: path) else {
            report("\(name)_FILE", "names a file that cannot be read")
            return nil
        }
        guard bytes.count <= Self.largestFile, var text = String(validating: bytes, as: UTF8.self) else {
            report("\(name)_FILE", "names a file that is not UTF-8 text of at most \(Self.largestFile) bytes")
            return nil
        }
        if text.hasSuffix("\n") || text.hasSuffix("\r\n") { text.removeLast() }
        guard !text.isEmpty else {
            report("\(name)_FILE", "names an empty file")
            return nil
        }
        return text
    }

    /// A secret that has a well-known value in a local environment; in production it has to be set, and to something else.
    ///
    /// - Parameter minimumBytes: shorter ones are refused.
    public mutating func secret(
        _ name: String, localDefault: String, in deployment: Deployment, minimumBytes: Int = 1
    ) -> String {
        let problemsBefore = problems.count
        let value = secret(name)
        guard problems.count == problemsBefore else { return localDefault }
        if deployment == .production, value == nil || value == localDefault {
            report(name, value == nil ? "must be set in production" : "has its well-known default in production")
        } else if let value, value.utf8.count < minimumBytes {
            report(name, "must have at least \(minimumBytes) bytes")
        }
        return value ?? localDefault
    }
}
