import NIOCore
import NIOHTTP1
import Synchronization

/// Answers one request, then closes.
final class ProbeHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private struct Answer {
        let status: HTTPResponseStatus
        var type = "text/plain; charset=utf-8"
        let text: String
    }

    private let registry: MetricsRegistry
    private let readiness: @Sendable () async -> Readiness
    private var request: HTTPRequestHead?

    init(registry: MetricsRegistry, readiness: @escaping @Sendable () async -> Readiness) {
        self.registry = registry
        self.readiness = readiness
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): request = head
        case .body: break
        case .end:
            guard let head = request else { return }
            request = nil
            let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
            context.eventLoop.makeFutureWithTask { [registry, readiness] in
                await ProbeHandler.answer(to: head, registry, readiness)
            }
            .whenSuccess { answer in
                let (handler, context) = bound.value
                handler.send(answer, to: head, context)
            }
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is IdleStateHandler.IdleStateEvent { context.close(promise: nil) }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    private static func answer(
        to head: HTTPRequestHead, _ registry: MetricsRegistry, _ readiness: @Sendable () async -> Readiness
    ) async -> Answer {
        guard head.method == .GET || head.method == .HEAD else {
            return Answer(status: .methodNotAllowed, text: "GET and HEAD only\n")
        }
        switch head.uri.prefix(while: { $0 != "?" }) {
        case "/livez", "/livez/": return Answer(status: .ok, text: "ok\n")
        case "/readyz", "/readyz/":
            switch await readiness() {
            case .ready: return Answer(status: .ok, text: "ok\n")
            case .waiting(let reasons):
                return Answer(status: .serviceUnavailable, text: reasons.map { $0 + "\n" }.joined())
            }
        case "/metrics", "/metrics/":
            return Answer(
                status: .ok, type: "text/plain; version=0.0.4; charset=utf-8", text: registry.exposition())
        default: return Answer(status: .notFound, text: "there are /livez, /readyz and /metrics\n")
        }
    }

    private func send(_ answer: Answer, to head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        guard context.channel.isActive else { return }
        let body = context.channel.allocator.buffer(string: answer.text)
        let headers: HTTPHeaders = [
            "Content-Type": answer.type, "Content-Length": String(body.readableBytes), "Connection": "close",
            "Cache-Control": "no-store",
        ]
        let status = HTTPResponseHead(version: head.version, status: answer.status, headers: headers)
        context.write(wrapOutboundOut(.head(status)), promise: nil)
        if head.method != .HEAD { context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil) }
        let channel = context.channel
        context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in channel.close(promise: nil) }
    }
}

/// How many are inside, with an upper limit.
final class Turnstile: Sendable {
    private let count = Atomic<Int>(0)

    func enter(limit: Int) -> Bool {
        if count.wrappingAdd(1, ordering: .relaxed).newValue <= limit { return true }
        leave()
        return false
    }

    func leave() {
        count.wrappingSubtract(1, ordering: .relaxed)
    }
}
