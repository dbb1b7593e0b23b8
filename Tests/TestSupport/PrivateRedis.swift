import Foundation
import Glibc
import Synchronization

/// A redis-server of a test's own, for outages: it can be killed, frozen and started again on the same port and data.
/// It dies with the test process, however that ends.
public final class PrivateRedis: Sendable {
    public struct Failure: Error, CustomStringConvertible {
        public let description: String
    }

    private struct Running: Sendable {
        let wrapper: Process
        let lifeline: FileHandle
        let server: pid_t
    }

    public let port: Int
    public let directory: URL
    private let options: [String]
    private let running = Mutex<Running?>(nil)

    public var url: String { "redis://127.0.0.1:\(port)" }

    /// Starts a server that syncs its append-only file before every answer, runs `body`, and removes everything.
    ///
    /// - Parameter options: more options for redis-server, as `["--maxmemory", "2mb"]`; later ones win.
    public static func with<Value>(
        options: [String] = [], _ body: (PrivateRedis) async throws -> Value
    ) async throws -> Value {
        let redis = try PrivateRedis(options: options)
        defer {
            redis.kill()
            try? FileManager.default.removeItem(at: redis.directory)
        }
        try await redis.start()
        return try await body(redis)
    }

    private init(options: [String]) throws {
        port = try FreePort.find()
        directory = FileManager.default.temporaryDirectory.appending(path: "questline-redis-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        self.options = options
    }

    /// Returns when the server accepts commands.
    ///
    /// - Parameter more: further options for this start only.
    public func start(_ more: [String] = []) async throws {
        let wrapper = Process()
        let (input, output) = (Pipe(), Pipe())
        wrapper.executableURL = URL(filePath: "/bin/sh")
        // The shell waits for the end of its input, which comes with the end of this process.
        wrapper.arguments =
            ["-c", #"redis-server "$@" 2>&1 & echo "pid $!"; cat > /dev/null; kill -9 $! 2> /dev/null; wait"#, "redis"]
            + [
                "--port", String(port), "--bind", "127.0.0.1", "--dir", directory.path, "--appendonly", "yes",
                "--appendfsync", "always", "--save", "", "--daemonize", "no", "--logfile", "",
            ] + options + more
        wrapper.standardInput = input
        wrapper.standardOutput = output
        try wrapper.run()
        let descriptor = output.fileHandleForReading.fileDescriptor
        let (server, said): (pid_t, String) = await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                continuation.resume(returning: PrivateRedis.readUntilReady(descriptor))
                // A full pipe would hold the server up.
                var rest = [UInt8](repeating: 0, count: 4_096)
                while read(descriptor, &rest, rest.count) > 0 {}
                try? output.fileHandleForReading.close()
            }
        }
        let started = Running(wrapper: wrapper, lifeline: input.fileHandleForWriting, server: server)
        guard server > 0 else {
            PrivateRedis.end(started)
            throw Failure(
                description: "redis-server did not start on port \(port) with \(options): \(said.suffix(600))")
        }
        running.withLock { $0 = started }
    }

    /// SIGKILL: the server is gone when this returns, its data as they were.
    public func kill() {
        guard
            let ended = running.withLock({ running in
                defer { running = nil }
                return running
            })
        else { return }
        _ = Glibc.kill(ended.server, SIGKILL)
        PrivateRedis.end(ended)
    }

    /// SIGSTOP: connections stay open and nothing is answered.
    public func freeze() { signal(SIGSTOP) }

    /// SIGCONT.
    public func thaw() { signal(SIGCONT) }

    private func signal(_ number: Int32) {
        if let server = running.withLock({ $0?.server }) { _ = Glibc.kill(server, number) }
    }

    private static func end(_ running: Running) {
        try? running.lifeline.close()
        running.wrapper.waitUntilExit()
    }

    /// - Returns: the server's process id, or -1 if it ended before it was ready, and what it has said.
    private static func readUntilReady(_ descriptor: Int32) -> (pid_t, String) {
        var text = ""
        var chunk = [UInt8](repeating: 0, count: 4_096)
        while true {
            let count = read(descriptor, &chunk, chunk.count)
            guard count > 0 else { return (-1, text) }
            text += String(decoding: chunk.prefix(count), as: UTF8.self)
            if text.contains("Ready to accept connections") {
                let line = text.split(separator: "\n").first { $0.hasPrefix("pid ") }
                return (line.flatMap { pid_t($0.dropFirst(4)) } ?? -1, text)
            }
        }
    }
}
