import Glibc
import Reactor
import Runtime

/// A new password, from a terminal or from standard input.
enum PasswordPrompt {
    /// Nobody has a longer one.
    private static let most = 4_096

    /// - Throws: `UsageError` if there is none, if it is not UTF-8, or if it was not typed the same twice.
    static func read() async throws -> String {
        // Off the cooperative pool: somebody may take their time.
        try await BlockingCalls(threads: 1, queue: 1).run {
            guard isatty(STDIN_FILENO) == 1 else { return try text(of: everything()) }
            let first = try ask("New password: ")
            guard try ask("The same again: ") == first else { throw UsageError("the two passwords are not the same") }
            return first
        }
    }

    private static func everything() throws -> [UInt8] {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1_024)
        while bytes.count <= most {
            let count = Glibc.read(STDIN_FILENO, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            bytes += chunk.prefix(count)
        }
        return bytes
    }

    /// Asks without showing what is typed. Signals of the terminal are off meanwhile, for one in between would leave it
    /// without echo; so Ctrl-C arrives as a letter, and is heeded all the same.
    private static func ask(_ question: String) throws -> String {
        var before = termios()
        guard tcgetattr(STDIN_FILENO, &before) == 0 else { throw UsageError("the terminal cannot be read") }
        var silent = before
        silent.c_lflag &= ~tcflag_t(ECHO | ISIG)
        // What was typed before the question is thrown away; what comes after it counts.
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent)
        LineHandler.standardError(question)
        defer {
            tcsetattr(STDIN_FILENO, TCSANOW, &before)
            LineHandler.standardError("\n")
        }
        var line: [UInt8] = []
        var byte: UInt8 = 0
        while line.count <= most, Glibc.read(STDIN_FILENO, &byte, 1) == 1, byte != UInt8(ascii: "\n") {
            // In canonical mode this comes with the rest of its line.
            if byte == 3 { throw UsageError("given up") }
            line.append(byte)
        }
        return try text(of: line)
    }

    private static func text(of bytes: [UInt8]) throws -> String {
        var bytes = bytes[...]
        if bytes.last == UInt8(ascii: "\n") { bytes.removeLast() }
        if bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
        guard !bytes.isEmpty else { throw UsageError("no password was given") }
        guard bytes.count <= most, let text = String(validating: bytes, as: UTF8.self) else {
            throw UsageError("the password is not UTF-8 text of at most \(most) bytes")
        }
        return text
    }
}
