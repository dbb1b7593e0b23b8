import NIOCore
import NIOHTTP1

/// Says `Connection: close` for every request after which the connection ends (RFC 9112, section 9.3): one of HTTP/1.0 that
/// does not ask for more, and one that says so in other letters. The server looks for this word alone, and where it looks
/// the version is not known any more.
final class LastRequest: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .head(var head) = unwrapInboundIn(data), !head.isKeepAlive else {
            return context.fireChannelRead(data)
        }
        head.headers.replaceOrAdd(name: "Connection", value: "close")
        context.fireChannelRead(wrapInboundOut(.head(head)))
    }
}
