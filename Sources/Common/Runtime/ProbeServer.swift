import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import ServiceLifecycle

/// Whether a process can do its work now.
public enum Readiness: Sendable, Equatable {
    case ready
    /// Not now; each reason is shown to whoever asks, so it must not hold a secret.
    case waiting([String])
}

/// Serves `/livez`, `/readyz` and `/metrics` on a port of its own.
///
/// `/livez` answers 200 as long as the process can answer at all; `/readyz` answers 503 with the reasons while it is not
/// ready, or is stopping. One request per connection, GET and HEAD only, at most `connections` at once.
public final class ProbeServer: Service {
    public static let connections = 64

    private let host: String
    private let port: Int
    private let registry: MetricsRegistry
    private let readiness: @Sendable () async -> Readiness
    private let logger: Logger
    private let bound: @Sendable (Int) -> Void

    /// - Parameters:
    ///   - port: 0 for any free port.
    ///   - onBound: told the port once the server listens.
    public init(
        host: String, port: Int, registry: MetricsRegistry, logger: Logger,
        onBound: @escaping @Sendable (Int) -> Void = { _ in },
        readiness: @escaping @Sendable () async -> Readiness
    ) {
        self.host = host
        self.port = port
        self.registry = registry
        self.readiness = readiness
        self.logger = logger
        self.bound = onBound
    }

    public convenience init(
        _ settings: ProcessSettings, registry: MetricsRegistry, logger: Logger,
        readiness: @escaping @Sendable () async -> Readiness
    ) {
        self.init(
            host: settings.probeHost, port: settings.probePort, registry: registry, logger: logger,
            readiness: readiness)
    }

    /// Serves until cancelled or told to shut down.
    ///
    /// - Throws: `ProbeError` if the port cannot be used.
    public func run() async throws {
        let channel = try await bind()
        let port = channel.localAddress?.port ?? port
        logger.info("probes listen", metadata: ["url": "http://\(host):\(port)"])
        bound(port)
        await withTaskCancellationOrGracefulShutdownHandler {
            try? await channel.closeFuture.get()
        } onCancelOrGracefulShutdown: {
            channel.close(promise: nil)
        }
    }

    private func bind() async throws(ProbeError) -> any Channel {
        let open = Turnstile()
        let handlers = { @Sendable [registry, readiness] (channel: any Channel) -> EventLoopFuture<Void> in
            channel.eventLoop.makeCompletedFuture {
                guard open.enter(limit: ProbeServer.connections) else { throw ProbeError(reason: "is busy") }
                channel.closeFuture.whenComplete { _ in open.leave() }
                let pipeline = channel.pipeline.syncOperations
                try pipeline.configureHTTPServerPipeline(withPipeliningAssistance: false)
                try pipeline.addHandler(IdleStateHandler(allTimeout: .seconds(5)))
                try pipeline.addHandler(ProbeHandler(registry: registry, readiness: readiness))
            }
        }
        do {
            return try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .childChannelInitializer(handlers)
                .bind(host: host, port: port)
                .get()
        } catch {
            throw ProbeError(
                reason: "cannot listen on \(host):\(port) (QUESTLINE_PROBE_HOST, QUESTLINE_PROBE_PORT): \(error)")
        }
    }
}

/// Why the probes cannot be served or asked.
public struct ProbeError: Error, CustomStringConvertible, Sendable {
    public let reason: String

    public var description: String { "the probe server \(reason)" }
}
