import Foundation

/// The executables of this package, run as other people run them.
public enum Executable: String, Sendable {
    case worker = "questline-worker"
    case front = "questline-front"

    /// Where they were built: `QUESTLINE_TEST_BIN`, or the debug build beside this file's package.
    public static var folder: URL {
        if let folder = ProcessInfo.processInfo.environment["QUESTLINE_TEST_BIN"], !folder.isEmpty {
            return URL(filePath: folder)
        }
        return URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: ".build/debug")
    }

    /// Starts it with `settings` and none of the settings this process was started with.
    ///
    /// - Throws: `Unrecoverable` if it was not built.
    public func start(_ arguments: [String] = [], settings: [String: String]) throws -> ChildProcess {
        let path = Executable.folder.appending(path: rawValue).path
        guard FileManager.default.isExecutableFile(atPath: path) else { throw Unrecoverable("there is no \(path)") }
        let own = ["DATABASE_URL", "REDIS_URL", "CACHE_REDIS_URL"]
        var environment = ProcessInfo.processInfo.environment.filter { name, _ in
            !name.hasPrefix("QUESTLINE_") && !own.contains { name.hasPrefix($0) }
        }
        environment.merge(settings) { _, new in new }
        return ChildProcess([path] + arguments, name: rawValue, environment: environment)
    }
}
