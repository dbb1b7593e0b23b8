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
    /// The whole list of quests, retired ones too.
    public var catalogQuests: String { "\(prefix):catalog:quests:all" }
    public var catalogRewards: String { "\(prefix):catalog:rewards:all" }
    /// All active quests of one edition of the catalog, as the workers read them.
    public func catalogBook(_ edition: Identifier) -> String { "\(catalogBooks)\(edition)" }
    /// `<revision> <edition>`: every copy is at least as new as this.
    public var catalogRevision: String { "\(prefix):catalog:revision" }
    /// Who may fill a copy. The word stands before the rest of the copy's key, for a quest may be called anything.
    public func catalogLease(of copy: String) -> String {
        catalogLeases + copy.dropFirst(catalogCopies.count)
    }
    // How keys of the catalog begin: leases, books, and all of them.
    public var catalogLeases: String { "\(prefix):catalog:lease:" }
    public var catalogBooks: String { "\(prefix):catalog:book:" }
    public var catalogCopies: String { "\(prefix):catalog:" }
    /// Attempts of one kind in the present window; `digest` stands for the address or name.
    public func attempts(_ kind: String, digest: String) -> String { "\(prefix):attempts:\(kind):\(digest)" }
}
