import Domain
import Hummingbird
import Logging
import NIOCore

/// What a request carries through the front.
struct FrontContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    private let front: Logger
    private let address: SocketAddress?
    /// Told to the client, and on every log line of the request.
    var requestID = "-"
    /// What the client called the request; events keep it.
    var origin = EventOrigin.unnamed

    /// Logs with what names this request. It is made each time it is asked for: most requests log nothing.
    var logger: Logger {
        var logger = front
        logger[metadataKey: "request_id"] = .string(requestID)
        if let trace = origin.traceID { logger[metadataKey: "trace_id"] = .string(String(trace)) }
        return logger
    }

    func debug(_ message: @autoclosure () -> Logger.Message, _ metadata: @autoclosure () -> Logger.Metadata) {
        if front.logLevel <= .debug { logger.debug(message(), metadata: metadata()) }
    }

    /// The peer's address as the socket tells it.
    var peer: String { address?.ipAddress ?? "unix" }

    /// Bodies beyond this are refused with 413.
    static let largestBody = 1_048_576

    var maxUploadSize: Int { FrontContext.largestBody }

    init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        front = source.logger
        address = source.channel.remoteAddress
    }
}
