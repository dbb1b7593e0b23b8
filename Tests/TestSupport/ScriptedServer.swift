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

    /// What to answer to each command, which is given by its name. A client's greeting is answered with OK.
    public struct Script: Sendable {
        let answer: @Sendable (String) -> Answer

        public init(_ answer: @escaping @Sendable (_ command: String) -> Answer) {
            self.answer = answer
        }
    }

    public let port: Int
    private let listener: Int32

    public static func with<Value>(
        _ script: Script, _ body: (ScriptedServer) async throws -> Value
    ) async throws -> Value {
        let server = try ScriptedServer(script)
        defer { server.end() }
        return try await body(server)
    }

    private init(_ script: Script) throws {
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        port = try FreePort.listen(listener)
        let listener = listener
        Thread.detachNewThread {
            while true {
                let connection = accept(listener, nil, nil)
                guard connection >= 0 else { return }
                Thread.detachNewThread { ScriptedServer.serve(connection, script) }
            }
        }
    }

    private func end() {
        // Wakes the accepting thread, which then closes nothing that is not its own.
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
    }

    private static func serve(_ connection: Int32, _ script: Script) {
        defer { close(connection) }
        var pending: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = read(connection, &chunk, chunk.count)
            guard count > 0 else { return }
            pending += chunk.prefix(count)
            while let name = takeCommand(&pending) {
                switch name == "CLIENT" ? .bytes("+OK\r\n") : script.answer(name) {
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
            let count = bytes[sent...].withUnsafeBytes { rest in
                send(connection, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return }
            sent += count
        }
    }
}
