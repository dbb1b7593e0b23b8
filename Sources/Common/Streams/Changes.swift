import Domain
import Redis

/// Word that something changed: a hint and no more, for it may be lost.
public enum ChangeHint: Hashable, Sendable {
    /// Progress, claims or wallets of these people.
    case people([Identifier])
    /// The catalog has this revision now.
    case catalog(revision: Int64)
    /// The token with this `jti` is revoked.
    case revoked(Identifier)

    /// One line of text, as in `people 018f… 018f…`.
    public var text: String {
        switch self {
        case .people(let ids): "people " + ids.map(\.description).joined(separator: " ")
        case .catalog(let revision): "catalog \(revision)"
        case .revoked(let id): "revoked \(id)"
        }
    }

    /// - Returns: nil for what a newer version may have to say.
    public init?(text: String) {
        let words = text.split(separator: " ")
        switch words.first {
        case "people":
            self = .people(words.dropFirst().compactMap { Identifier(String($0)) })
        case "catalog":
            guard words.count == 2, let revision = Int64(words[1]) else { return nil }
            self = .catalog(revision: revision)
        case "revoked":
            guard words.count == 2, let id = Identifier(String(words[1])) else { return nil }
            self = .revoked(id)
        default:
            return nil
        }
    }
}

/// The one channel for hints.
public struct Changes: Sendable {
    public enum Event: Hashable, Sendable {
        /// The beginning, a reconnect, or too slow a reader: read everything again, trust nothing kept.
        case mayHaveMissed
        case hint(ChangeHint)
    }

    private let redis: RedisClient
    private let keys: StreamKeys

    public init(_ redis: RedisClient, keys: StreamKeys) {
        self.redis = redis
        self.keys = keys
    }

    /// Tells whoever listens now.
    public func announce(_ hint: ChangeHint) async throws(RedisError) {
        _ = try await redis.send(announcement(of: hint))
    }

    /// What tells it, to be sent with other commands.
    public func announcement(of hint: ChangeHint) -> RedisCommand {
        ["PUBLISH", keys.changed, hint.text]
    }

    /// Listens on a connection of its own until the reading task is cancelled. A process holds one.
    public func listen() -> some AsyncSequence<Event, Never> & Sendable {
        redis.subscribe([keys.changed]).compactMap { event in
            switch event {
            case .subscribed: .mayHaveMissed
            case .message(_, let text): ChangeHint(text: text).map { .hint($0) }
            }
        }
    }
}
