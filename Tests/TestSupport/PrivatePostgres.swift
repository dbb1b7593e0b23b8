import Foundation
import Glibc
import Synchronization

/// A Postgres cluster of a test's own, for outages: it can be killed, stopped and started again on the same port and
/// data. It dies with the test process, however that ends.
public final class PrivatePostgres: Sendable {
    public struct Failure: Error, CustomStringConvertible {
        public let description: String
    }

    public let port: Int
    private let directory: URL
    private let server = Mutex<ChildProcess?>(nil)

    public var url: String { "postgres://postgres@127.0.0.1:\(port)/postgres" }

    /// Makes a cluster, runs `body` and removes everything. Nothing is started before `start`.
    public static func with<Value>(_ body: (PrivatePostgres) async throws -> Value) async throws -> Value {
        let postgres = try PrivatePostgres()
        do {
            try await postgres.make()
            let value = try await body(postgres)
            await postgres.remove()
            return value
        } catch {
            await postgres.remove()
            throw error
        }
    }

    private init() throws {
        port = try FreePort.find()
        directory = FileManager.default.temporaryDirectory.appending(path: "questline-postgres-\(UUID().uuidString)")
    }

    /// Returns when the server accepts connections. The remains of a killed one may take a moment to go away.
    ///
    /// - Parameter settings: beside those that every one has.
    public func start(_ settings: [String: String] = [:]) async throws {
        try await launch(
            settings.flatMap { ["-c", "\($0.key)=\($0.value)"] }, until: "ready to accept connections")
    }

    /// Starts a server that is still "starting up" (SQLSTATE 57P03 for everyone who comes) until `endStartup`.
    public func beginStartup() async throws {
        // It asks an archive for what happened after its last checkpoint, and the archive takes its time.
        try Data().write(to: directory.appending(path: "recovery.signal"))
        let archive = "while [ ! -e \(latch.path) ]; do sleep 0.05; done; false"
        try await launch(["-c", "restore_command=\(archive)"], until: "database system was ")
    }

    private func launch(_ settings: [String], until line: String) async throws {
        try await eventually("Postgres starts on port \(port)", within: .seconds(60)) {
            // On SIGQUIT it ends at once and cleans up after itself.
            let process = ChildProcess(
                PrivatePostgres.command(
                    "postgres", "-D", directory.path, "-c", "listen_addresses=127.0.0.1", "-c", "port=\(port)", "-c",
                    "unix_socket_directories=", "-c", "max_connections=200") + settings, name: "postgres",
                lastSignal: SIGQUIT)
            do {
                try await process.line(containing: line, within: .seconds(30))
            } catch {
                await process.end()
                throw Failure(description: "postgres did not start: \(process.lines.suffix(3))")
            }
            server.withLock { $0 = process }
            return true
        }
    }

    /// Lets the server that `beginStartup` has started accept connections, and returns when it does.
    public func endStartup() async throws {
        try Data().write(to: latch)
        try await server.withLock { $0 }?.line(containing: "ready to accept connections")
        try FileManager.default.removeItem(at: latch)
    }

    private var latch: URL { directory.appending(path: "archive-answers") }

    /// What the server that runs now has logged.
    public func lines(containing text: String) -> [String] {
        server.withLock { $0 }?.lines(containing: text) ?? []
    }

    /// SIGKILL to all its processes: connections are cut, nothing is finished or tidied up.
    public func kill() async throws {
        guard let process = take() else { return }
        // Stopped first, so that it makes no new ones. Left alone, a session would finish and commit what it is at.
        try await process.signal(SIGSTOP)
        let pid = try await process.pid()
        let children = try String(contentsOfFile: "/proc/\(pid)/task/\(pid)/children", encoding: .utf8)
        for child in children.split(separator: " ").compactMap({ pid_t($0) }) { _ = Glibc.kill(child, SIGKILL) }
        try await process.kill()
    }

    /// Ends sessions and stops in good order.
    public func stop() async throws {
        guard let process = take() else { return }
        try await process.signal(SIGINT)
        _ = try await process.exitCode()
    }

    private func take() -> ChildProcess? {
        server.withLock { server in
            defer { server = nil }
            return server
        }
    }

    private func make() async throws {
        try FileManager.default.createDirectory(
            at: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        if geteuid() == 0, let owner = getpwnam("postgres") {
            chown(directory.path, owner.pointee.pw_uid, owner.pointee.pw_gid)
        }
        let making = ChildProcess(
            PrivatePostgres.command(
                "initdb", "-D", directory.path, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale", "C.UTF-8",
                "--no-sync"), name: "initdb")
        guard try await making.exitCode() == 0 else {
            throw Failure(description: "initdb: \(making.lines.suffix(5))")
        }
    }

    private func remove() async {
        await take()?.end()
        try? FileManager.default.removeItem(at: directory)
    }

    /// Postgres does not run as root.
    private static func command(_ program: String, _ arguments: String...) -> [String] {
        let folder = ProcessInfo.processInfo.environment["QUESTLINE_TEST_POSTGRES_BIN"] ?? "/usr/lib/postgresql/15/bin"
        let other = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        return (geteuid() == 0 ? other : []) + ["\(folder)/\(program)"] + arguments
    }
}
