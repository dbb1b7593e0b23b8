import Glibc

/// An IPv6 address, or an IPv4 one as the IPv6 address that stands for it (`::ffff:a.b.c.d`, RFC 4291, section 2.5.5.2).
struct NetworkAddress: Hashable, Sendable {
    let high: UInt64
    let low: UInt64

    init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Reads what `inet_pton` reads; a zone (`%eth0`) is left out, for it means something on one machine only.
    init?(_ text: some StringProtocol) {
        let text = String(text)
        if text.contains(":") {
            let parts = text.split(separator: "%", maxSplits: 1, omittingEmptySubsequences: false)
            var address = in6_addr()
            guard let head = parts.first, inet_pton(AF_INET6, String(head), &address) == 1 else { return nil }
            let bytes = withUnsafeBytes(of: address) { Array($0) }
            high = NetworkAddress.number(bytes.prefix(8))
            low = NetworkAddress.number(bytes.suffix(8))
        } else {
            var address = in_addr()
            guard inet_pton(AF_INET, text, &address) == 1 else { return nil }
            high = 0
            low = 0xffff_0000_0000 | UInt64(UInt32(bigEndian: address.s_addr))
        }
    }

    /// As proxies write it in `X-Forwarded-For`: some add a port, and put brackets around an IPv6 address then.
    init?(forwarded text: some StringProtocol) {
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { return nil }
            let rest = text[text.index(after: end)...]
            guard rest.isEmpty || NetworkAddress.isPort(rest) else { return nil }
            let inner = text[text.index(after: text.startIndex)..<end]
            guard inner.contains(":") else { return nil }
            self.init(inner)
        } else if let colon = text.firstIndex(of: ":"), !text[text.index(after: colon)...].contains(":"),
            text[..<colon].contains(".")
        {
            guard NetworkAddress.isPort(text[colon...]) else { return nil }
            self.init(text[..<colon])
        } else {
            self.init(text)
        }
    }

    var isIPv4: Bool { high == 0 && low >> 32 == 0xffff }

    /// What limits count by: an IPv4 address, or the /64 that one household has of IPv6 addresses.
    var household: String {
        if isIPv4 {
            return (0..<4).map { String(low >> UInt64(24 - 8 * $0) & 0xff) }.joined(separator: ".")
        }
        return (0..<4).map { String(high >> UInt64(48 - 16 * $0) & 0xffff, radix: 16) }.joined(separator: ":") + "::/64"
    }

    private static func isPort(_ text: some StringProtocol) -> Bool {
        guard text.hasPrefix(":"), (2...6).contains(text.utf8.count) else { return false }
        return text.utf8.dropFirst().allSatisfy { (0x30...0x39).contains($0) }
    }

    private static func number(_ bytes: some Sequence<UInt8>) -> UInt64 {
        bytes.reduce(0) { $0 << 8 | UInt64($1) }
    }
}

/// Addresses with a beginning in common, in CIDR notation; a single address without it.
struct NetworkRange: Hashable, Sendable {
    let first: NetworkAddress
    /// Bits that count, of 128.
    let length: Int

    /// Reads `10.0.0.0/8`, `2001:db8::/32` or an address. Bits behind the length do not matter.
    init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let head = parts.first, !head.contains("%"), let address = NetworkAddress(head) else { return nil }
        let most = head.contains(":") ? 128 : 32
        var bits = most
        if parts.count == 2 {
            guard (1...3).contains(parts[1].utf8.count), parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }),
                let number = Int(parts[1]), number <= most
            else { return nil }
            bits = number
        }
        first = address
        length = 128 - most + bits
    }

    /// IPv4 addresses are not in a range of IPv6 that only happens to reach over the place where they stand.
    func contains(_ address: NetworkAddress) -> Bool {
        if address.isIPv4, length < 96 { return false }
        let high = NetworkRange.mask(min(64, length))
        let low = NetworkRange.mask(max(0, length - 64))
        return (address.high ^ first.high) & high == 0 && (address.low ^ first.low) & low == 0
    }

    private static func mask(_ bits: Int) -> UInt64 {
        bits == 0 ? 0 : .max << UInt64(64 - bits)
    }
}
