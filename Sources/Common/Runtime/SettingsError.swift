/// One setting that cannot be used, and why. The value is never part of it: it may be a secret.
public struct SettingProblem: Hashable, Sendable, CustomStringConvertible {
    public let name: String
    public let reason: String

    public init(name: String, reason: String) {
        self.name = name
        self.reason = reason
    }

    public var description: String { "\(name) \(reason)" }
}

/// All settings that were found wrong, each named, in the order in which they were read.
public struct SettingsError: Error, CustomStringConvertible, Sendable {
    public let problems: [SettingProblem]

    public init(_ problems: [SettingProblem]) {
        self.problems = problems
    }

    /// One line per problem.
    public var description: String {
        problems.map { "wrong setting: \($0)" }.joined(separator: "\n")
    }
}
