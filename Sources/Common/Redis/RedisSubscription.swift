import Logging
import Reactor

/// What a subscription hears.
public enum RedisSubscriptionEvent: Equatable, Sendable {
    /// Everything published from now on is heard; anything may have been missed before. Comes first, after every
    /// reconnect, and when the reader was so slow that messages had to be dropped.
    case subscribed
    /// Bytes that are not UTF-8 become U+FFFD.
    case message(channel: String, text: String)
}

extension RedisClient {
    /// Listens on a connection of its own until the task that reads the stream is cancelled or drops it. A lost
    /// connection is replaced, for ever, with backoff; a silent one is asked for a sign of life.
    public func subscribe(_ channels: [String]) -> AsyncStream<RedisSubscriptionEvent> {
        guard !channels.isEmpty else { return AsyncStream { $0.finish() } }
        var configuration = configuration
        configuration.clientName += "-subscription"
        let connector = RedisConnector(configuration: configuration)
        let (stream, continuation) = AsyncStream.makeStream(
            of: RedisSubscriptionEvent.self, bufferingPolicy: .bufferingOldest(1_024))
        let listener = RedisListener(
            connector: connector, channels: channels, logger: logger, events: continuation)
        let task = Task.detached { await listener.run() }
        continuation.onTermination = { _ in task.cancel() }
        return stream
    }
}

private struct RedisListener: Sendable {
    let connector: RedisConnector
    let channels: [String]
    let logger: Logger
    let events: AsyncStream<RedisSubscriptionEvent>.Continuation

    func run() async {
        var backoff = Backoff(base: .milliseconds(50), cap: .seconds(2))
        while !Task.isCancelled {
            do throws(RedisError) {
                let connection = try await connector.connect()
                try await listen(on: connection) { backoff.reset() }
            } catch {
                logger.debug("subscription lost", metadata: ["reason": "\(error.detail)"])
            }
            do { try await backoff.wait() } catch { break }
        }
        events.finish()
    }

    /// Ends only by throwing.
    private func listen(
        on connection: RedisConnection, subscribed: () -> Void
    ) async throws(RedisError) {
        let silence = connector.configuration.commandTimeout
        var command = RedisCommand("SUBSCRIBE")
        for channel in channels { command.append(channel) }
        try await connection.post(command, silence: silence)
        var confirmed = 0
        var wasDropped = false
        var isAsked = false
        while true {
            guard try await connection.hears(within: silence) else {
                if isAsked || confirmed < channels.count {
                    throw RedisError(.unavailable, "SUBSCRIBE", "no sign of life within \(silence)")
                }
                isAsked = true
                try await connection.post(["PING"], silence: silence)
                continue
            }
            isAsked = false
            try connection.receive { (reply) throws(RedisError) in
                if let refusal = reply.error { throw refusal.thrown(by: "SUBSCRIBE") }
                if reply[0]?.equals("subscribe") == true {
                    confirmed += 1
                    if confirmed == channels.count {
                        subscribed()
                        wasDropped = !isTaken(.subscribed)
                    }
                } else if reply[0]?.equals("message") == true, let channel = reply[1]?.string,
                    let text = reply[2]?.string
                {
                    // What follows a gap is worth nothing until the reader knows of the gap.
                    if wasDropped { wasDropped = !isTaken(.subscribed) }
                    if !wasDropped { wasDropped = !isTaken(.message(channel: channel, text: text)) }
                }
            }
            if wasDropped { wasDropped = !isTaken(.subscribed) }
        }
    }

    private func isTaken(_ event: RedisSubscriptionEvent) -> Bool {
        switch events.yield(event) {
        case .enqueued, .terminated: true
        case .dropped: false
        @unknown default: false
        }
    }
}
