import Logging

/// Where a process runs: `production` refuses secrets that everybody knows.
public enum Deployment: String, CaseIterable, Sendable {
    case local
    case production
}

/// How log lines look.
public enum LogFormat: String, CaseIterable, Sendable {
    /// For people at a terminal.
    case text
    /// One JSON object per line, for everything else.
    case json
}

/// What every process of Questline reads, whatever it does.
public struct ProcessSettings: Sendable {
    public let deployment: Deployment
    public let logLevel: Logger.Level
    public let logFormat: LogFormat
    public let probeHost: String
    /// 0 means any free port.
    public let probePort: Int

    public init(_ reader: inout SettingsReader, probePort: Int) {
        deployment = reader.choice("QUESTLINE_ENV", default: .local)
        logLevel = reader.choice("QUESTLINE_LOG_LEVEL", default: .info)
        logFormat = reader.choice("QUESTLINE_LOG", default: Logs.isTerminal ? .text : .json)
        probeHost = reader.string("QUESTLINE_PROBE_HOST", default: "127.0.0.1")
        self.probePort = reader.integer("QUESTLINE_PROBE_PORT", default: probePort, in: 0...65_535)
    }
}

extension SettingsReader {
    /// What compose.yaml gives the servers of a local installation.
    static let localPassword = "questline"

    /// Reports each setting whose URL holds that password in production.
    ///
    /// - Parameter passwords: by the name of the setting.
    public mutating func refuseLocalPasswords(_ passwords: KeyValuePairs<String, String?>, in deployment: Deployment) {
        guard deployment == .production else { return }
        for (name, password) in passwords where password == SettingsReader.localPassword {
            report(name, "has the well-known password of a local installation in production")
        }
    }
}
