import Crypto
import HTTPTypes
import Hummingbird

/// A strong entity tag (RFC 9110, section 8.8.3): the beginning of a digest of what is sent.
struct EntityTag: Equatable, Sendable {
    let text: String

    init(of content: String) {
        let digest = SHA256.hash(data: Array(content.utf8)).prefix(12)
        text = "\"" + digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() + "\""
    }

    func isKnown(to request: Request) -> Bool { request.knows(text) }
}
