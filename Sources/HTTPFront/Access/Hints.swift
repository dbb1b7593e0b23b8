import Domain
import Streams

/// Tells the other fronts to look at Postgres now rather than in two seconds. Nobody waits for it, and nothing depends on
/// its arrival.
struct Hints: Sendable {
    let changes: Changes
    /// The pages that are open at this front.
    let live: LiveHub

    /// - Parameter id: of a token that was signed out, of a person whose tokens are void, or of an API key that was made or
    ///   revoked.
    func revoked(_ id: Identifier) {
        live.recheck()
        Task { [changes] in try? await changes.announce(.revoked(id)) }
    }

    /// - Parameter person: whose claims, wallet or account have changed.
    func changed(_ person: Identifier) {
        live.changed([person])
        Task { [changes] in try? await changes.announce(.people([person])) }
    }
}
