import Foundation
import Glibc
import Synchronization

/// A proxy between a client and a real server, which does to single requests what networks and servers do at the worst
/// moment: it cuts before the request or before its answer, and holds either back.
public final class FaultyProxy: Sendable {
    /// What is spoken through it, for it must know where a request begins and which answer belongs to it.
    public enum Wire: Sendable {
        case redis
        case postgres
    }

    /// What becomes of one request.
    public enum Fault: Sendable {
        case none
        /// The server never gets it, and both are cut off.
        case cutBefore
        /// The server does it and answers; the client is cut off instead of being told.
        case loseAnswer
        /// The server gets neither this nor what follows on its connection until `release`.
        case holdRequest
        /// The server does it; the client gets the answer, and what follows, with `release`.
        case holdAnswer
    }

    /// One command of Redis, or one statement that Postgres is to execute; also the Sync that commits such statements.
    public struct Request: Sendable {
        /// The command with its first arguments, or the statement.
        public let text: String
        /// The statements of this round trip so far, this one included; for Redis only this one.
        public let roundTrip: [String]
        /// Whether Postgres is to commit by this: a COMMIT, or the Sync behind statements without one.
        public var commits = false
    }

    public typealias Script = @Sendable (Request) -> Fault

    struct State: Sendable {
        var script: Script = { _ in .none }
        var isAway = false
        var lines: [Int: (client: Int32, server: Int32)] = [:]
        var nextLine = 0
        var held = 0
        var releases = 0
        /// Both directions together: after so many bytes the connection that carries them is cut.
        var bytesToCut: Int?
    }

    public let port: Int
    /// The server's URL with the proxy in its place.
    public let url: String
    let wire: Wire
    private let upstream: Int
    private let listener: Int32
    let state = Mutex(State())

    /// Runs `body` with a proxy before the server of `url`, which must be on this machine; ends every connection afterwards.
    public static func with<Value>(
        _ wire: Wire, to url: String, _ body: (FaultyProxy) async throws -> Value
    ) async throws -> Value {
        let proxy = try FaultyProxy(wire, to: url)
        defer { proxy.end() }
        return try await body(proxy)
    }

    private init(_ wire: Wire, to url: String) throws {
        guard var components = URLComponents(string: url), let upstream = components.port else {
            throw Unrecoverable("a URL without a port cannot be proxied")
        }
        self.wire = wire
        self.upstream = upstream
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        port = try FreePort.listen(listener)
        components.port = port
        components.host = "127.0.0.1"
        if wire == .postgres { components.query = "sslmode=disable&gssencmode=disable" }
        self.url = components.string ?? url
        let listener = listener
        Thread.detachNewThread { [weak self] in
            while true {
                let client = accept(listener, nil, nil)
                guard client >= 0 else { return }
                guard let self else {
                    close(client)
                    return
                }
                open(client)
            }
        }
    }

    // MARK: What a test does with it

    /// From now on every request is shown to `script`, from several threads at once.
    public func script(_ script: @escaping Script) {
        state.withLock { $0.script = script }
    }

    /// Cuts every connection.
    public func cut() {
        state.withLock { state in
            for line in state.lines.values { FaultyProxy.hangUp(line) }
        }
    }

    /// Cuts a connection after so many bytes more, in whichever direction they go; once.
    public func cut(afterBytes count: Int?) {
        state.withLock { $0.bytesToCut = count }
    }

    /// Whether the cut of `cut(afterBytes:)` is still to come.
    public var isCutDue: Bool { state.withLock { $0.bytesToCut != nil } }

    /// Hangs up on everybody who comes, and on those who are there.
    public func goAway() {
        state.withLock { $0.isAway = true }
        cut()
    }

    public func comeBack() {
        state.withLock { $0.isAway = false }
    }

    /// How many connections are held at this moment.
    public var held: Int { state.withLock { $0.held } }

    /// Lets everything go on that is held now.
    public func release() {
        state.withLock { $0.releases += 1 }
    }

    // MARK: Connections

    private func end() {
        // Wakes the accepting thread.
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
        cut()
        release()
    }

    private func open(_ client: Int32) {
        let isAway = state.withLock { $0.isAway }
        guard !isAway, let server = FaultyProxy.connect(upstream) else {
            close(client)
            return
        }
        for descriptor in [client, server] {
            var yes: Int32 = 1
            setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<Int32>.size))
        }
        let number = state.withLock { state in
            state.nextLine += 1
            state.lines[state.nextLine] = (client, server)
            return state.nextLine
        }
        Thread.detachNewThread { [self] in
            var line = ProxiedLine(self, client: client, server: server)
            line.serve()
            // Under the lock, so that nobody hangs up on a descriptor that somebody else has by then.
            state.withLock { state in
                state.lines[number] = nil
                close(client)
                close(server)
            }
        }
    }

    private static func hangUp(_ line: (client: Int32, server: Int32)) {
        shutdown(line.client, Int32(SHUT_RDWR))
        shutdown(line.server, Int32(SHUT_RDWR))
    }

    private static func connect(_ port: Int) -> Int32? {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(clamping: port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let connected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                Glibc.connect(descriptor, generic, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        guard connected else {
            close(descriptor)
            return nil
        }
        return descriptor
    }
}
