import Foundation
import Glibc

/// A PgBouncer of a test's own before a Postgres.
public final class PgBouncer: Sendable {
    public let port: Int
    private let folder: URL
    private let process: ChildProcess

    /// Of the database `postgres`.
    public var url: String { "postgres://anybody@127.0.0.1:\(port)/postgres" }

    /// Starts one with `pool_mode`, runs `body` and ends it.
    ///
    /// - Parameter sessions: how many sessions of Postgres it has at most.
    /// - Throws: `Unrecoverable` without the program, which `ops/test` unpacks.
    public static func with(
        _ mode: String, before postgres: PrivatePostgres, sessions: Int = 30, _ body: (PgBouncer) async throws -> Void
    ) async throws {
        let bouncer = try PgBouncer(mode, before: postgres, sessions: sessions)
        do {
            try await bouncer.process.line(containing: "process up")
            try await body(bouncer)
            await bouncer.end()
        } catch {
            await bouncer.end()
            throw error
        }
    }

    private init(_ mode: String, before postgres: PrivatePostgres, sessions: Int) throws {
        port = try FreePort.find()
        folder = FileManager.default.temporaryDirectory.appending(path: "questline-pgbouncer-\(UUID().uuidString)")
        let unpacked = try PgBouncer.unpacked()
        try FileManager.default.createDirectory(
            at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
        // It does not run as root, and whom it runs as may not reach the project.
        var libraries: [URL] = []
        let places = FileManager.default.enumerator(at: unpacked, includingPropertiesForKeys: nil)
        while let file = places?.nextObject() as? URL {
            if file.lastPathComponent.contains(".so.") { libraries.append(file) }
        }
        for file in libraries + [unpacked.appending(path: "usr/sbin/pgbouncer")] {
            try Data(contentsOf: file).write(to: folder.appending(path: file.lastPathComponent))
            chmod(folder.appending(path: file.lastPathComponent).path, 0o755)
        }
        let settings = folder.appending(path: "pgbouncer.ini")
        try Data(
            """
            [databases]
            postgres = host=127.0.0.1 port=\(postgres.port) user=postgres dbname=postgres
            [pgbouncer]
            listen_addr = 127.0.0.1
            listen_port = \(port)
            unix_socket_dir =
            auth_type = any
            pool_mode = \(mode)
            default_pool_size = \(sessions)
            """.utf8
        ).write(to: settings)
        chmod(settings.path, 0o644)
        let other = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        process = ChildProcess(
            (geteuid() == 0 ? other : []) + [folder.appending(path: "pgbouncer").path, settings.path],
            name: "pgbouncer",
            environment: ProcessInfo.processInfo.environment.merging(["LD_LIBRARY_PATH": folder.path]) { $1 })
    }

    private static func unpacked() throws -> URL {
        let own = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: ".stack/tools/pgbouncer")
        let folder = ProcessInfo.processInfo.environment["QUESTLINE_TEST_PGBOUNCER"].map { URL(filePath: $0) } ?? own
        guard FileManager.default.fileExists(atPath: folder.appending(path: "usr/sbin/pgbouncer").path) else {
            throw Unrecoverable("no PgBouncer in \(folder.path): ops/test unpacks it")
        }
        return folder
    }

    private func end() async {
        await process.end()
        try? FileManager.default.removeItem(at: folder)
    }
}
