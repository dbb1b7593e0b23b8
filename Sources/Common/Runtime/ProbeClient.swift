import NIOCore
import NIOHTTP1
import NIOPosix

/// Asks a probe port, for health checks where there is no shell and no other program.
public enum ProbeClient {
    /// What a probe has answered.
    public struct Answer: Sendable {
        public let status: Int
        public let text: String
    }

    /// GET `path` from a probe port.
    ///
    /// - Throws: `ProbeError` when nothing answers within `timeout`.
    public static func get(
        _ path: String, host: String = "127.0.0.1", port: Int, timeout: Duration = .seconds(2)
    ) async throws -> Answer {
        let limit = TimeAmount(timeout)
        do {
            let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connectTimeout(limit)
                .connect(host: host, port: port) { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHTTPClientHandlers()
                        return try NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart>(
                            wrappingChannelSynchronously: channel)
                    }
                }
            let closing = channel.channel.eventLoop.scheduleTask(in: limit) { channel.channel.close(promise: nil) }
            defer { closing.cancel() }
            return try await channel.executeThenClose { inbound, outbound in
                var head = HTTPRequestHead(version: .http1_1, method: .GET, uri: path)
                head.headers.add(name: "Host", value: host)
                head.headers.add(name: "Connection", value: "close")
                try await outbound.write(.head(head))
                try await outbound.write(.end(nil))
                var status: Int?
                var text = ""
                for try await part in inbound {
                    switch part {
                    case .head(let head): status = Int(head.status.code)
                    case .body(let buffer): text += String(buffer: buffer)
                    case .end: break
                    }
                }
                guard let status else { throw ProbeError(reason: "gave no answer in time") }
                return Answer(status: status, text: text)
            }
        } catch let error as ProbeError {
            throw error
        } catch {
            throw ProbeError(reason: "gave no answer: \(error)")
        }
    }
}
