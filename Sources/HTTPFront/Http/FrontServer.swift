import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import ServiceLifecycle

/// Hummingbird's server and router, without its `Application`, which makes a logger and a task-local value for every request
/// that nobody here asks for.
enum FrontServer {
    /// - Parameters:
    ///   - logger: the front's own, on which the lines of requests go out.
    ///   - onListening: told the port once the server listens.
    static func make(
        _ router: Router<FrontContext>, settings: FrontSettings, logger: Logger,
        onListening: @escaping @Sendable (Int) -> Void
    ) -> any Service {
        let routes = router.buildResponder()
        let channel = HTTP1Channel(
            responder: { request, writer, channel in
                let context = FrontContext(source: ApplicationRequestContextSource(channel: channel, logger: logger))
                let response = try await routes.respond(to: request, context: context)
                do {
                    try await writer.write(response: response.head, body: response.body)
                } catch is HTTPParserError {
                    // The server would answer this one with a head of its own, in the middle of ours.
                    throw ChannelError.inputClosed
                }
            },
            configuration: HTTP1Channel.Configuration(
                additionalChannelHandlers: [RequestGuard()], idleTimeout: .seconds(75),
                httpDecoderConfiguration: .init(
                    maxHeaderFieldSize: 16_384, maxHeaderListSize: 32_768, maxHeaderFieldCount: 200)))
        return LoopChannel(http: channel).server(
            configuration: ServerConfiguration(
                address: .hostname(settings.host, port: settings.port),
                availableConnectionsDelegate: MaximumAvailableConnections(mostConnections)),
            onServerRunning: { channel in onListening(channel.localAddress?.port ?? settings.port) },
            eventLoopGroup: MultiThreadedEventLoopGroup.singleton, logger: App.quiet(logger))
    }

    /// Further ones wait in the kernel's queue.
    private static let mostConnections = 10_000
}
