import HTTPTypes
import Hummingbird

/// Where a request comes from, for limits.
struct ClientAddress: Sendable {
    /// How many proxies of our own stand in front, each of which appends the address it saw to `X-Forwarded-For`.
    /// With none the header is ignored: anybody could write it.
    let proxies: Int

    func of(_ request: Request, _ context: FrontContext) -> String {
        guard proxies > 0 else { return ClientAddress.network(context.peer) }
        let hops = request.headers[values: .xForwardedFor].joined(separator: ",").split(separator: ",")
        guard hops.count >= proxies else { return ClientAddress.network(context.peer) }
        return ClientAddress.network(String(hops[hops.count - proxies].filter { $0 != " " }))
    }

    /// One household has a whole /64 of IPv6 addresses, so those count as one.
    private static func network(_ address: String) -> String {
        guard address.contains(":"), !address.contains(".") else { return address }
        let head = address.split(separator: "%")[0]
        let groups = head.split(separator: ":", omittingEmptySubsequences: false)
        var before: [Substring] = []
        for group in groups {
            if group.isEmpty, !before.isEmpty { break }
            before.append(group)
        }
        return before.prefix(4).joined(separator: ":") + "::/64"
    }
}
