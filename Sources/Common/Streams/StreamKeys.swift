import Domain

/// Every key in Redis, built here and nowhere else.
public struct StreamKeys: Hashable, Sendable {
    public let prefix: String

    public init(prefix: String = "quest") {
        self.prefix = prefix
    }

    /// The consumer group on `signIns` that advances progress.
    public static let progressGroup = "progress"
    /// The consumer group on `completions` that makes claims.
    public static let claimsGroup = "claims"

    // Streams, and the channel for hints; on the streams server.

    public var signIns: String { "\(prefix):signins" }
    public var completions: String { "\(prefix):completions" }
    public var deadLetters: String { "\(prefix):dead-letters" }
    public var changed: String { "\(prefix):changed" }
    /// A random id that tells one life of the streams from the next.
    public var generation: String { "\(prefix):generation" }
    /// Which entries of a stream are being tried alone, and how often they were: `<group> <id>` → number.
    static func trials(of stream: String) -> String { "\(stream):trials" }
    /// Which entries of a stream have become dead letters, as long as they are in the stream: `<group> <id>`, by time.
    static func buried(of stream: String) -> String { "\(stream):buried" }

    // What can be rebuilt; on the cache server.

    public func catalogQuest(_ id: Identifier) -> String { "\(prefix):catalog:quest:\(id)" }
    public func catalogQuestNamed(_ name: String) -> String { "\(prefix):catalog:quest-name:\(name)" }
    public func catalogReward(_ id: Identifier) -> String { "\(prefix):catalog:reward:\(id)" }
    /// One page of the list of quests; `page` tells cursor, size and filter apart.
    public func catalogQuests(page: String) -> String { "\(prefix):catalog:quests:\(page)" }
    public func catalogRewards(page: String) -> String { "\(prefix):catalog:rewards:\(page)" }
    /// All active quests of one edition of the catalog, as the workers read them.
    public func catalogBook(_ edition: Identifier) -> String { "\(prefix):catalog:book:\(edition)" }
    public var catalogRevision: String { "\(prefix):catalog:revision" }
    /// Attempts of one kind in the present window; `digest` stands for the address or name.
    public func attempts(_ kind: String, digest: String) -> String { "\(prefix):attempts:\(kind):\(digest)" }
}
