import Identity
import Storage

/// Ending one session, everywhere within seconds and here at once.
struct SignOut: Sendable {
    let revoked: RevokedTokens
    let gate: Gate
    let hints: Hints

    /// - Throws: `PostgresError`; the token is then still good.
    func callAsFunction(_ bearer: Bearer) async throws {
        // Postgres first: whatever is told to anybody else must already be true there.
        try await revoked.revoke(bearer.tokenID, of: bearer.userID, expiresAt: bearer.expiresAt)
        gate.watch.list.revoke(bearer.tokenID, until: bearer.expiresAt)
        hints.revoked(bearer.tokenID)
    }
}
