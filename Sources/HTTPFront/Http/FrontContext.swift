import Domain
import Hummingbird
import Logging
import NIOCore

/// What a request carries through the front.
struct FrontContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    private let address: SocketAddress?
    /// Told to the client, and on every log line of the request.
    var requestID: String
    /// What the client called the request; events keep it.
    var origin = EventOrigin.unnamed

    /// The peer's address as the socket tells it.
    var peer: String { address?.ipAddress ?? "unix" }

    /// Bodies beyond this are refused with 413.
    static let largestBody = 1_048_576

    var maxUploadSize: Int { FrontContext.largestBody }

    init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        address = source.channel.remoteAddress
        requestID = source.logger[metadataKey: "hb.request.id"]?.description ?? "-"
    }
}
