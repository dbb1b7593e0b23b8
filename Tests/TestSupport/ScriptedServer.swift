import Foundation
import Glibc

/// A server that answers what the test wants, one connection after the other: for replies that no good server gives.
public final class ScriptedServer: Sendable {
    public enum Answer: Sendable {
        case bytes(String)
        /// Sends the bytes and hangs up.
        case bytesThenClose(String)
        /// Reads on and stays silent.
        case silence
    }

    public let port: Int
    private let listener: Int32

    /// Runs `body` with a server that calls `answer` with the name of each command it reads. The commands of a client's
    /// greeting are answered with OK.
    public static func with<Value>(
        _ answer: @escaping @Sendable (_ command: String) -> Answer, _ body: (ScriptedServer) async throws -> Value
    ) async throws -> Value {
        let server = try ScriptedServer(answer)
        defer { server.end() }
        return try await body(server)
    }

    private init(_ answer: @escaping @Sendable (String) -> Answer) throws {
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        port = try FreePort.listen(listener)
        let listener = listener
        Thread.detachNewThread {
            while true {
                let connection = accept(listener, nil, nil)
                guard connection >= 0 else { return }
                Thread.detachNewThread { ScriptedServer.serve(connection, answer) }
            }
        }
    }

    private func end() {
        // Wakes the accepting thread, which then closes nothing that is not its own.
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
    }

    private static func serve(_ connection: Int32, _ answer: (String) -> Answer) {
        defer { close(connection) }
        var pending: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = read(connection, &chunk, chunk.count)
            guard count > 0 else { return }
            pending += chunk.prefix(count)
            while let name = takeCommand(&pending) {
                switch name == "CLIENT" ? .bytes("+OK\r\n") : answer(name) {
                case .bytes(let text): write(connection, text)
                case .bytesThenClose(let text):
                    write(connection, text)
                    return
                case .silence: break
                }
            }
        }
    }

    /// Takes one whole command off the front; nil if there is none yet.
    private static func takeCommand(_ bytes: inout [UInt8]) -> String? {
        var position = 0
        func line() -> Substring? {
            guard let end = bytes[position...].firstIndex(of: UInt8(ascii: "\n")) else { return nil }
            defer { position = end + 1 }
            return Substring(decoding: bytes[position..<max(position, end - 1)], as: UTF8.self)
        }
        guard let arguments = line().flatMap({ Int($0.dropFirst()) }) else { return nil }
        var name = ""
        for index in 0..<arguments {
            guard let length = line().flatMap({ Int($0.dropFirst()) }), position + length + 2 <= bytes.count else {
                return nil
            }
            if index == 0 { name = String(decoding: bytes[position..<position + length], as: UTF8.self) }
            position += length + 2
        }
        bytes.removeFirst(position)
        return name
    }

    private static func write(_ connection: Int32, _ text: String) {
        let bytes = Array(text.utf8)
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes { send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { return }
            sent += count
        }
    }
}
