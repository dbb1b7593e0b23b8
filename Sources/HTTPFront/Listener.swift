import Hummingbird
import NIOCore
import ServiceLifecycle

/// The HTTP server as a service that says in words why it cannot listen.
struct Listener: Service {
    let server: any ApplicationProtocol
    let host: String
    let port: Int

    func run() async throws {
        do {
            try await server.run()
        } catch let error as IOError {
            throw ListenError(host: host, port: port, reason: "\(error)")
        }
    }
}

struct ListenError: Error, CustomStringConvertible {
    let host: String
    let port: Int
    let reason: String

    var description: String { "cannot listen on \(host):\(port) (QUESTLINE_HOST, QUESTLINE_PORT): \(reason)" }
}
