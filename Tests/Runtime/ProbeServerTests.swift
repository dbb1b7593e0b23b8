import CoreMetrics
import Foundation
import FoundationNetworking
import Logging
import Synchronization
import Testing

@testable import Runtime

@Suite("The probe port")
struct ProbeServerTests {
    @Test("It tells alive from ready, shows the metrics, and refuses the rest")
    func probes() async throws {
        let readiness = Mutex(Readiness.waiting(["Postgres is away"]))
        let registry = MetricsRegistry()
        registry.makeCounter(label: "c", dimensions: []).increment(by: 1)
        let (ports, bound) = AsyncStream.makeStream(of: Int.self)
        let server = ProbeServer(
            host: "127.0.0.1", port: 0, registry: registry, logger: Lines().logger(.text),
            onBound: { bound.yield($0) }, readiness: { readiness.withLock { $0 } })
        let task = Task { try await server.run() }
        let port = try #require(await ports.first { _ in true })
        func get(_ path: String, method: String = "GET") async throws -> (Int, String) {
            var request = URLRequest(url: try #require(URL(string: "http://127.0.0.1:\(port)\(path)")))
            request.httpMethod = method
            let (data, response) = try await URLSession.shared.data(for: request)
            return ((response as? HTTPURLResponse)?.statusCode ?? 0, String(decoding: data, as: UTF8.self))
        }
        #expect(try await get("/livez") == (200, "ok\n"))
        #expect(try await get("/readyz") == (503, "Postgres is away\n"))
        readiness.withLock { $0 = .ready }
        #expect(try await get("/readyz?x=1") == (200, "ok\n"))
        #expect(try await get("/metrics").1.contains("c_total 1\n"))
        #expect(try await get("/other").0 == 404)
        let asked = try await ProbeClient.get("/readyz", port: port)
        #expect(asked.status == 200 && asked.text == "ok\n")
        #expect(try await get("/livez", method: "POST").0 == 405)
        #expect(try await get("/livez", method: "HEAD") == (200, ""))
        task.cancel()
        try await task.value
    }

    @Test("Who asks a port where nobody answers, or never, is told so")
    func silence() async throws {
        let silent = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(silent) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let port = try withUnsafeMutablePointer(to: &address) { pointer in
            try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                try #require(bind(silent, $0, length) == 0 && getsockname(silent, $0, &length) == 0)
            }
            return Int(UInt16(bigEndian: pointer.pointee.sin_port))
        }
        func ask() async -> String? {
            do {
                _ = try await ProbeClient.get("/readyz", port: port, timeout: .milliseconds(300))
                return nil
            } catch { return "\(error)" }
        }
        #expect(await ask()?.contains("gave no answer") == true)
        try #require(listen(silent, 1) == 0)
        #expect(await ask()?.contains("gave no answer") == true)
    }

    @Test("A taken port is named, with the settings that change it")
    func taken() async throws {
        let (ports, bound) = AsyncStream.makeStream(of: Int.self)
        func server(_ port: Int) -> ProbeServer {
            ProbeServer(
                host: "127.0.0.1", port: port, registry: MetricsRegistry(), logger: Lines().logger(.text),
                onBound: { bound.yield($0) }, readiness: { .ready })
        }
        let first = Task { try await server(0).run() }
        let port = try #require(await ports.first { _ in true })
        let error = await #expect(throws: ProbeError.self) { try await server(port).run() }
        #expect(error?.description.contains("127.0.0.1:\(port)") == true)
        #expect(error?.description.contains("QUESTLINE_PROBE_PORT") == true)
        first.cancel()
        try await first.value
    }
}
