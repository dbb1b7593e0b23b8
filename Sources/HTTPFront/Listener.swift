import Hummingbird
import Logging
import NIOCore
import ServiceLifecycle

/// The HTTP server as a service that says in words why it cannot listen, and that goes on answering for a moment when it
/// is told to stop: `/readyz` answers 503 at once, and whoever sends requests here must have seen it before the port closes.
struct Listener: Service {
    let server: any Service
    let host: String
    let port: Int
    /// How long requests are still taken after the order to stop.
    let drain: Duration
    /// Ends what would keep responses open.
    let onClosing: @Sendable () -> Void
    let logger: Logger

    func run() async throws {
        // A task of its own, which the order to stop does not reach before the moment has passed.
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(services: [server], logger: logger))
        let work = Task.detached { try await group.run() }
        do {
            try await withTaskCancellationHandler {
                try await withGracefulShutdownHandler {
                    try await work.value
                } onGracefulShutdown: {
                    Task.detached {
                        try? await Task.sleep(for: drain)
                        onClosing()
                        await group.triggerGracefulShutdown()
                    }
                }
            } onCancel: {
                work.cancel()
            }
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
