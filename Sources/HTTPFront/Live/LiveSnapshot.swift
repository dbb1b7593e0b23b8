import Crypto
import Domain
import NIOCore
import Storage

/// What an open page shows of a person, as one message of Server-Sent Events.
struct LiveSnapshot: Sendable {
    /// A digest of the content: whoever has this version needs no other message, whichever front it came from.
    let version: String
    /// `id`, `event` and `data`, ready to be sent.
    let message: ByteBuffer

    /// - Parameter catalog: the tags of the lists of quests and rewards, which pages read when they change.
    init(_ snapshot: PersonSnapshot, catalog: String) {
        let data = LiveSnapshot.json(snapshot, catalog: catalog).text
        version = SHA256.hash(data: Array(data.utf8)).prefix(12).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
            .joined()
        // JSON has no line breaks outside of strings, and none within them that are not escaped.
        message = ByteBuffer(string: "id: \(version)\nevent: snapshot\ndata: \(data)\n\n")
    }

    static func json(_ snapshot: PersonSnapshot, catalog: String) -> JSON {
        [
            "user": snapshot.user?.json ?? .null, "progress": .array(snapshot.progress.map(\.json)),
            "claims": .array(snapshot.claims.map(\.json)),
            "claim_counts": .object(
                snapshot.claimCounts.map { .init(name: $0.questID.description, value: .integer($0.count)) }),
            "wallet": .array(snapshot.entries.map(\.json)),
            "catalog": .string(catalog),
        ]
    }
}
