import Domain
import Hummingbird
import Logging

/// What a request carries through the front.
struct FrontContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    /// The peer's address as the socket tells it.
    let peer: String
    /// Told to the client, and on every log line of the request.
    var requestID: String
    /// What the client called the request; events keep it.
    var origin = EventOrigin.unnamed

    /// Bodies beyond this are refused with 413.
    static let largestBody = 1_048_576

    var maxUploadSize: Int { FrontContext.largestBody }

    init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        peer = source.channel.remoteAddress?.ipAddress ?? "unix"
        requestID = source.logger[metadataKey: "hb.request.id"]?.description ?? "-"
    }
}
