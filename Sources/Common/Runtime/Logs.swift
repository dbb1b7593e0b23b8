import Glibc
import Logging

/// The logging of a process: one line per event on standard error, written with one call so that lines never mix.
public enum Logs {
    /// Whether standard error is a terminal.
    public static var isTerminal: Bool { isatty(STDERR_FILENO) == 1 }

    /// Sets up swift-log for the whole process. To be called once, before the first logger is made.
    public static func start(level: Logger.Level, format: LogFormat) {
        LoggingSystem.bootstrap { label in
            LineHandler(label: label, level: level, format: format)
        }
    }

    public static func start(_ settings: ProcessSettings) {
        start(level: settings.logLevel, format: settings.logFormat)
    }
}

/// Writes each event as one line of text or of JSON.
public struct LineHandler: LogHandler {
    public var metadata: Logger.Metadata = [:]
    public var metadataProvider: Logger.MetadataProvider?
    public var logLevel: Logger.Level
    private let label: String
    private let format: LogFormat
    private let write: @Sendable (String) -> Void

    /// - Parameter write: takes a whole line with its line end; standard error unless told otherwise.
    public init(
        label: String, level: Logger.Level, format: LogFormat,
        write: @escaping @Sendable (String) -> Void = LineHandler.standardError
    ) {
        self.label = label
        self.logLevel = level
        self.format = format
        self.write = write
    }

    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    public func log(event: LogEvent) {
        var fields = metadata
        if let provided = metadataProvider?.get() { fields.merge(provided) { _, new in new } }
        if let own = event.metadata { fields.merge(own) { _, new in new } }
        if let error = event.error { fields["error"] = "\(error)" }
        switch format {
        case .text: write(text(event, fields))
        case .json: write(json(event, fields))
        }
    }

    private func text(_ event: LogEvent, _ fields: Logger.Metadata) -> String {
        let level = event.level.rawValue
        var line = Clock.timeOfDay() + " " + level + String(repeating: " ", count: max(1, 9 - level.count))
        line += LineHandler.oneLine(event.message.description)
        for (key, value) in fields.sorted(by: { $0.key < $1.key }) {
            line += " \(key)=" + LineHandler.oneLine(value.description)
        }
        return line + "\n"
    }

    private func json(_ event: LogEvent, _ fields: Logger.Metadata) -> String {
        var line = "{\"time\":\"" + Clock.rfc3339() + "\",\"level\":\"" + event.level.rawValue + "\",\"logger\":"
        JSONText.append(label, to: &line)
        line += ",\"message\":"
        JSONText.append(event.message.description, to: &line)
        for (key, value) in fields.sorted(by: { $0.key < $1.key }) {
            line += ","
            JSONText.append(key, to: &line)
            line += ":"
            JSONText.append(value, to: &line)
        }
        return line + "}\n"
    }

    /// Control characters of foreign text must not forge a second line or steer a terminal.
    private static func oneLine(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) else { return text }
        return String(
            String.UnicodeScalarView(
                text.unicodeScalars.map { $0.properties.generalCategory == .control ? " " : $0 }))
    }

    public static let standardError: @Sendable (String) -> Void = { line in
        var line = line
        line.withUTF8 { bytes in
            var rest = bytes[...]
            while !rest.isEmpty {
                let written = Glibc.write(STDERR_FILENO, rest.baseAddress, rest.count)
                if written > 0 {
                    rest = rest.dropFirst(written)
                } else if errno != EINTR {
                    // Nobody can be told that logging failed.
                    return
                }
            }
        }
    }
}

extension Slice where Base == UnsafeBufferPointer<UInt8> {
    fileprivate var baseAddress: UnsafePointer<UInt8>? { UnsafeBufferPointer(rebasing: self).baseAddress }
}
