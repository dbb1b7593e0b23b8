import Domain
import HTTPTypes
import NIOCore
import NIOHTTP1
import NIOHTTPTypes

/// What stands between the HTTP decoder and the routes on every connection: a request that cannot be read is answered with
/// a problem too, one that does not arrive in time ends its connection, and a sender who waits for `100 Continue` gets it.
final class RequestGuard: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    /// From the first line of a request to its last byte. The time until the first line is the idle timeout's.
    static let patience = TimeAmount.seconds(60)
    /// How long the other side may take to read a last answer.
    private static let farewell = TimeAmount.seconds(2)

    private let patience: TimeAmount
    /// Requests whose answer is not complete.
    private var unanswered = 0
    private var isReading = false
    private var isOver = false
    private var deadline: Scheduled<Void>?

    init(patience: TimeAmount = RequestGuard.patience) {
        self.patience = patience
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let pipeline = context.pipeline.syncOperations
        guard let decoder = try? pipeline.handler(type: ByteToMessageHandler<HTTPRequestDecoder>.self) else { return }
        try? pipeline.addHandler(LastRequest(), position: .after(decoder))
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isOver else { return }
        switch unwrapInboundIn(data) {
        case .head(let head):
            unanswered += 1
            isReading = true
            if mayContinue(head) {
                context.writeAndFlush(wrapOutboundOut(.head(HTTPResponse(status: .continue))), promise: nil)
            }
        case .body: break
        case .end:
            isReading = false
            stopWaiting()
        }
        context.fireChannelRead(data)
    }

    /// Most requests are here at once and need no clock.
    func channelReadComplete(context: ChannelHandlerContext) {
        if isReading, deadline == nil, !isOver { startWaiting(context) }
        context.fireChannelReadComplete()
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard !isOver else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        switch unwrapOutboundIn(data) {
        case .head(let head) where !head.headerFields.contains(.xRequestID):
            // Every answer of ours has an id, so this one is the server's own: what follows cannot be read.
            if isReading && unanswered == 0 {
                end(context)
            } else {
                refuse(context, .malformed("What follows is not HTTP"))
            }
            promise?.succeed(())
            return
        case .end: unanswered -= 1
        case .head, .body: break
        }
        context.write(data, promise: promise)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard !isOver else { return }
        // A route that waits for the body answers by itself, and answers that are on their way come first.
        guard unanswered == 0 else { return context.fireErrorCaught(error) }
        guard !isReading else { return end(context) }
        switch error as? HTTPParserError {
        case .headerOverflow?: refuse(context, .headersTooLarge)
        case .invalidEOFState?: end(context)
        default: refuse(context, .malformed("This is not HTTP"))
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) { stopWaiting() }

    func channelInactive(context: ChannelHandlerContext) {
        stopWaiting()
        context.fireChannelInactive()
    }

    /// RFC 9110, section 10.1.1. A body that is too large is not asked for.
    private func mayContinue(_ head: HTTPRequest) -> Bool {
        guard unanswered == 1, head.headerFields.value(of: .expect)?.lowercased() == "100-continue" else {
            return false
        }
        return head.headerFields.value(of: .contentLength).flatMap(Int.init) ?? 0 <= FrontContext.largestBody
    }

    private func startWaiting(_ context: ChannelHandlerContext) {
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        deadline = context.eventLoop.assumeIsolated().scheduleTask(in: patience) {
            guard !self.isOver else { return }
            if self.unanswered == 1 {
                self.refuse(bound.value, .tooSlow(self.patience))
            } else {
                self.end(bound.value)
            }
        }
    }

    private func stopWaiting() {
        deadline?.cancel()
        deadline = nil
    }

    /// The last answer on this connection.
    private func refuse(_ context: ChannelHandlerContext, _ problem: Problem) {
        let id = "\(Identifier.random())".filter { $0 != "-" }.prefix(16)
        let json = problem.json(requestID: String(id))
        var body = ByteBuffer()
        json.write(to: &body)
        var headers: HTTPFields = [
            .contentType: "application/problem+json", .contentLength: String(body.readableBytes),
            .cacheControl: "no-store", .connection: "close", .xRequestID: String(id),
            .date: HTTPDate.now,
        ]
        for field in Envelope.dataHeaders { headers[field.name] = field.value }
        context.write(wrapOutboundOut(.head(HTTPResponse(status: problem.status, headerFields: headers))), promise: nil)
        context.write(wrapOutboundOut(.body(body)), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        end(context)
    }

    /// Says that nothing more will come, and leaves the other side a moment to read what did: closing at once while it
    /// still sends would take the answer away from it.
    private func end(_ context: ChannelHandlerContext) {
        isOver = true
        stopWaiting()
        context.close(mode: .output, promise: nil)
        let channel = context.channel
        context.eventLoop.scheduleTask(in: RequestGuard.farewell) { channel.close(promise: nil) }
    }
}

extension Problem {
    static let headersTooLarge = Problem(
        status: .requestHeaderFieldsTooLarge, slug: "headers-too-large", title: "The request's headers are too large")

    static func tooSlow(_ patience: TimeAmount) -> Problem {
        Problem(
            status: .requestTimeout, slug: "too-slow", title: "The request did not arrive in time",
            detail: "It must be here within \(patience.nanoseconds / 1_000_000_000) s")
    }
}
