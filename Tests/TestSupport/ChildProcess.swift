import Foundation
import Glibc
import Synchronization

/// A program that runs beside the test and ends with the test process, however that ends.
public final class ChildProcess: Sendable {
    private struct State: Sendable {
        var pid: pid_t?
        var lines: [String] = []
        var exitCode: Int32?
        var lifeline: FileHandle?
    }

    /// The program's name, for messages.
    public let name: String
    private let state: Mutex<State>

    /// The shell waits for the end of its own input, which comes with the end of the test process; it says which process
    /// the program is and how it ended, on lines that begin with a byte no log has.
    private static let script = #"""
        signal=$1; shift
        exec 3<&0 < /dev/null
        "$@" 3<&- 2>&1 &
        program=$!
        printf '\001pid %s\n' $program
        { cat <&3; kill -$signal $program; } > /dev/null 2>&1 &
        watch=$!
        wait $program
        code=$?
        kill $watch 2> /dev/null
        printf '\001exit %s\n' $code
        """#

    /// Starts a program.
    ///
    /// - Parameters:
    ///   - arguments: the program, looked up in PATH if it is a bare name, and its arguments.
    ///   - lastSignal: what it is sent at the end.
    public init(
        _ arguments: [String], name: String, environment: [String: String] = ProcessInfo.processInfo.environment,
        lastSignal: Int32 = SIGKILL
    ) {
        self.name = name
        let (input, output) = (Pipe(), Pipe())
        state = Mutex(State(lifeline: input.fileHandleForWriting))
        let shell = Process()
        shell.executableURL = URL(filePath: "/bin/sh")
        shell.arguments = ["-c", ChildProcess.script, "child", String(lastSignal)] + arguments
        shell.environment = environment
        shell.currentDirectoryURL = URL(filePath: "/")
        shell.standardInput = input
        shell.standardOutput = output
        shell.standardError = output
        Thread.detachNewThread { [self] in
            // Swift's own threads block signals, which the shell would inherit and then never hear of its child's end.
            var none = sigset_t()
            sigemptyset(&none)
            pthread_sigmask(SIG_SETMASK, &none, nil)
            do {
                try shell.run()
                read(output.fileHandleForReading)
                shell.waitUntilExit()
            } catch {
                state.withLock { $0.lines.append("cannot be started: \(error)") }
            }
            state.withLock { if $0.exitCode == nil { $0.exitCode = -1 } }
            cutLifeline()
        }
    }

    /// Everything the program has written, by line.
    public var lines: [String] { state.withLock { $0.lines } }

    public func lines(containing text: String) -> [String] { lines.filter { $0.contains(text) } }

    public var isRunning: Bool { state.withLock { $0.exitCode == nil } }

    /// - Throws: `NotInTime`, `Unrecoverable` if it does not start.
    public func pid() async throws -> pid_t {
        try await eventually("\(name) starts", within: .seconds(20)) {
            if !isRunning, state.withLock({ $0.pid == nil }) { throw Unrecoverable("\(name): \(lines)") }
            return state.withLock { $0.pid } != nil
        }
        return state.withLock { $0.pid } ?? -1
    }

    /// Returns the first line that contains `text`, as soon as there is one.
    @discardableResult
    public func line(containing text: String, within limit: Duration = .seconds(60)) async throws -> String {
        var found: String?
        try await eventually("\(name) says '\(text)'", within: limit) {
            found = lines(containing: text).first
            if found == nil, !isRunning {
                throw Unrecoverable("\(name) has ended without saying '\(text)': \(lines.suffix(5))")
            }
            return found != nil
        }
        return found ?? ""
    }

    /// Waits for the end. A program that a signal ended has 128 and the signal's number.
    public func exitCode(within limit: Duration = .seconds(60)) async throws -> Int32 {
        try await eventually("\(name) ends", within: limit) { !isRunning }
        return state.withLock { $0.exitCode } ?? -1
    }

    /// Sends SIGTERM, SIGSTOP, SIGCONT, …; nothing if the program has ended.
    public func signal(_ number: Int32) async throws {
        let pid = try await pid()
        state.withLock { if $0.exitCode == nil { _ = Glibc.kill(pid, number) } }
    }

    /// SIGSTOP; none of its threads runs any more when this returns, which the signal alone does not promise.
    public func freeze() async throws {
        try await signal(SIGSTOP)
        let tasks = URL(filePath: "/proc/\(try await pid())/task")
        try await eventually("\(name) stands still", every: .milliseconds(1)) {
            try FileManager.default.contentsOfDirectory(atPath: tasks.path).allSatisfy { task in
                let stat = try String(contentsOf: tasks.appending(path: "\(task)/stat"), encoding: .utf8)
                return stat[(stat.lastIndex(of: ")") ?? stat.startIndex)...].hasPrefix(") T")
            }
        }
    }

    /// SIGCONT.
    public func thaw() async throws {
        try await signal(SIGCONT)
    }

    /// SIGKILL; it is gone when this returns.
    public func kill() async throws {
        try await signal(SIGKILL)
        _ = try await exitCode()
    }

    /// The last signal, and as long as it takes to be gone.
    public func end() async {
        cutLifeline()
        _ = try? await exitCode(within: .seconds(20))
    }

    /// A field of /proc/PID/status that is given in kB, in bytes.
    public func memory(_ field: String) async throws -> Int {
        let status = try String(contentsOfFile: "/proc/\(try await pid())/status", encoding: .utf8)
        let line = status.split(separator: "\n").first { $0.hasPrefix("\(field):") }
        guard let amount = line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap({ Int($0) }) else {
            throw Unrecoverable("/proc has no \(field) of \(name)")
        }
        return amount * 1_024
    }

    /// The time it has spent on processors until now, its own and the kernel's for it.
    public func processorTime() async throws -> Duration {
        let stat = try String(contentsOfFile: "/proc/\(try await pid())/stat", encoding: .utf8)
        // After the name, which may hold anything, in brackets: the state is field 3, utime 14 and stime 15.
        let fields = stat[(stat.lastIndex(of: ")") ?? stat.startIndex)...].split(separator: " ")
        guard fields.count > 13, let user = Int(fields[12]), let system = Int(fields[13]) else {
            throw Unrecoverable("/proc has no times of \(name)")
        }
        return .seconds(1) * (user + system) / sysconf(Int32(_SC_CLK_TCK))
    }

    deinit {
        cutLifeline()
    }

    private func cutLifeline() {
        let lifeline = state.withLock { state in
            defer { state.lifeline = nil }
            return state.lifeline
        }
        try? lifeline?.close()
    }

    private func read(_ output: FileHandle) {
        var pending: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = Glibc.read(output.fileDescriptor, &chunk, chunk.count)
            guard count > 0 else { break }
            pending += chunk.prefix(count)
            while let end = pending.firstIndex(of: UInt8(ascii: "\n")) {
                take(String(decoding: pending[..<end], as: UTF8.self))
                pending.removeSubrange(...end)
            }
        }
        try? output.close()
    }

    private func take(_ line: String) {
        state.withLock { state in
            if line.hasPrefix("\u{1}pid ") {
                state.pid = pid_t(line.dropFirst(5))
            } else if line.hasPrefix("\u{1}exit ") {
                state.exitCode = Int32(line.dropFirst(6))
            } else {
                state.lines.append(line)
            }
        }
        // The shell has ended; what waits for its input may go.
        if line.hasPrefix("\u{1}exit ") { cutLifeline() }
    }
}
