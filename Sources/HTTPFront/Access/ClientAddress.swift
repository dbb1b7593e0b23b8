import HTTPTypes
import Hummingbird

/// Where a request comes from and how, as far as our own proxies tell.
struct ClientAddress: Sendable {
    /// Our own proxies, each of which appends the address it saw to `X-Forwarded-For`.
    let proxies: [NetworkRange]

    func of(_ request: Request, _ context: FrontContext) -> String {
        of(peer: context.peer, forwarded: request.headers[values: .xForwardedFor])
    }

    /// The header is believed as far as our own proxies wrote it, and not at all when somebody else is the peer: anybody
    /// could write it. So it is read from its end, where the last proxy wrote, past our own proxies, to the first address
    /// that is not one of them; what is no address ends it at the last one that was believed.
    func of(peer: String, forwarded: [String]) -> String {
        guard var address = NetworkAddress(peer) else { return peer }
        guard isOwn(address) else { return address.household }
        let hops = forwarded.joined(separator: ",").split(separator: ",", omittingEmptySubsequences: false)
        for hop in hops.reversed() {
            guard let next = NetworkAddress(forwarded: hop.filter { $0 != " " && $0 != "\t" }) else { break }
            address = next
            if !isOwn(address) { break }
        }
        return address.household
    }

    /// Whether the browser speaks https, which only a proxy of our own can tell: we never do.
    func isSecure(_ request: Request, _ context: FrontContext) -> Bool {
        guard let peer = NetworkAddress(context.peer), isOwn(peer),
            let told = request.headers[values: .xForwardedProto].last?.split(separator: ",").last
        else { return false }
        return String(told).trimmed.lowercased() == "https"
    }

    private func isOwn(_ address: NetworkAddress) -> Bool {
        proxies.contains { $0.contains(address) }
    }

    /// Reads the setting: addresses and ranges with commas between them.
    ///
    /// - Throws: `WrongProxy`, which names the first that is neither.
    static func proxies(_ text: String) throws(WrongProxy) -> [NetworkRange] {
        var ranges: [NetworkRange] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let part = String(part).trimmed
            guard let range = NetworkRange(part) else { throw WrongProxy(text: part) }
            ranges.append(range)
        }
        return ranges
    }
}

struct WrongProxy: Error, CustomStringConvertible {
    let text: String

    var description: String {
        "'\(text.prefix(60))' is neither an address nor a range (10.0.0.7, 10.0.0.0/8, 2001:db8::/32)"
    }
}
