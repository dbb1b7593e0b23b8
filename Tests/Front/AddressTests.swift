import Domain
import TestSupport
import Testing

@testable import HTTPFront

@Suite("Addresses")
struct AddressTests {
    @Test("A range holds exactly the addresses that begin with its bits", arguments: 0..<40)
    func ranges(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<200 {
            let isIPv4 = Bool.random(using: &random)
            let bits = isIPv4 ? 32 : 128
            let length = Int.random(in: 0...bits, using: &random)
            let base = (0..<bits).map { _ in Bool.random(using: &random) }
            // Beginning alike for a while, so that both answers are frequent.
            let alike = min(bits, max(0, length + Int.random(in: -2...2, using: &random)))
            var other = (0..<bits).map { $0 < alike ? base[$0] : Bool.random(using: &random) }
            if alike < bits, Bool.random(using: &random) { other[alike] = !base[alike] }
            let range = try #require(NetworkRange("\(text(base))/\(length)"))
            let expected = base.prefix(length) == other.prefix(length)
            let address = try #require(NetworkAddress(text(other)))
            // An IPv6 address that stands for an IPv4 one belongs with those.
            guard isIPv4 || !address.isIPv4 else { continue }
            #expect(range.contains(address) == expected, "\(text(base))/\(length) \(text(other))")
            if isIPv4 {
                let mapped = try #require(NetworkAddress("::ffff:" + text(other)))
                #expect(mapped == address && range.contains(mapped) == expected)
                #expect(NetworkRange("::ffff:\(text(base))/\(length + 96)")?.contains(address) == expected)
            }
        }
    }

    private func text(_ bits: [Bool]) -> String {
        let width = bits.count == 32 ? 8 : 16
        let parts = stride(from: 0, to: bits.count, by: width).map { start in
            bits[start..<start + width].reduce(0) { $0 << 1 | ($1 ? 1 : 0) }
        }
        return width == 8
            ? parts.map { String($0) }.joined(separator: ".")
            : parts.map { String($0, radix: 16) }.joined(separator: ":")
    }

    @Test("IPv4 is not in a range of IPv6 addresses that reaches over its place")
    func families() throws {
        let cases = [
            ("::/0", "2001:db8::1", true), ("::/0", "10.0.0.1", false), ("0.0.0.0/0", "::ffff:10.0.0.1", true),
            ("0.0.0.0/0", "::1", false), ("10.1.2.3", "10.1.2.3", true), ("10.1.2.3", "10.1.2.4", false),
        ]
        for (range, address, expected) in cases {
            let (range, address) = (try #require(NetworkRange(range)), try #require(NetworkAddress(address)))
            #expect(range.contains(address) == expected)
        }
    }

    @Test(
        "Neither an address nor a range",
        arguments: [
            "", "1", "10.0.0", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/8/8", "::/129",
            "fe80::1%eth0", "example.com", "10.0.0.256", "1.2.3.4:80", "[::1]", " 10.0.0.1", "010.0.0.1x", "/8",
            "::/ 8",
        ])
    func wrong(_ text: String) {
        #expect(NetworkRange(text) == nil)
    }

    @Test("X-Forwarded-For is believed from our own proxies only, from its end on, as far as they wrote it")
    func forwarded() throws {
        let own = ClientAddress(proxies: try ClientAddress.proxies("10.0.0.0/8, 2001:db8:1::/48,::1"))
        func of(_ peer: String, _ forwarded: String...) -> String { own.of(peer: peer, forwarded: forwarded) }
        // A stranger may write what he likes.
        #expect(of("192.0.2.1", "203.0.113.7") == "192.0.2.1")
        #expect(of("192.0.2.1") == "192.0.2.1")
        #expect(of("10.0.0.1") == "10.0.0.1")
        #expect(of("10.0.0.1", "203.0.113.7") == "203.0.113.7")
        #expect(of("::ffff:10.0.0.1", "203.0.113.7") == "203.0.113.7")
        // What stands before the first stranger, he has written himself.
        #expect(of("10.0.0.1", "198.51.100.1, 203.0.113.7, 10.9.9.9") == "203.0.113.7")
        #expect(of("10.0.0.1", "198.51.100.1", "203.0.113.7", "10.9.9.9") == "203.0.113.7")
        #expect(of("::1", "203.0.113.7 ,\t2001:db8:1::5") == "203.0.113.7")
        #expect(of("10.0.0.1", "10.0.0.3,10.0.0.2") == "10.0.0.3")
        // Garbage: the last address that was believed.
        for garbage in [
            "", "unknown", "_hidden", "203.0.113.7x", "1.2.3", "[::1", "1.2.3.4:x", "[1.2.3.4]:5", "<script>",
        ] {
            #expect(of("10.0.0.1", garbage) == "10.0.0.1", "\(garbage)")
            #expect(of("10.0.0.1", "198.51.100.1,\(garbage),10.0.0.2") == "10.0.0.2", "\(garbage)")
            #expect(of("10.0.0.1", "\(garbage),203.0.113.7") == "203.0.113.7", "\(garbage)")
        }
        // With a port, as some proxies write it.
        #expect(of("10.0.0.1", "203.0.113.7:4711") == "203.0.113.7")
        #expect(of("10.0.0.1", "[2001:db8:2:3:4::5]:4711") == "2001:db8:2:3::/64")
        // One household, one count.
        #expect(of("2001:db8:2:3::1") == of("2001:db8:2:3:ffff::9"))
        #expect(of("fe80::1%eth0") == "fe80:0:0:0::/64")
        #expect(of("::ffff:192.0.2.1") == "192.0.2.1")
        #expect(ClientAddress(proxies: []).of(peer: "10.0.0.1", forwarded: ["203.0.113.7"]) == "10.0.0.1")
        #expect(of("unix", "203.0.113.7") == "unix")
    }

    @Test("Wrong settings are named, right ones read")
    func settings() throws {
        func problems(_ settings: [String: String]) -> String {
            let usual = ["DATABASE_URL": "postgres://x@127.0.0.1/x", "REDIS_URL": "redis://127.0.0.1"]
            do {
                _ = try FrontSettings.read(usual.merging(settings) { $1 })
                return ""
            } catch {
                return "\(error)"
            }
        }
        for wrong in ["1", "10.0.0.0/8,", "10.0.0.0/8,nonsense", "10.0.0.0/40", ","] {
            #expect(problems(["QUESTLINE_PROXIES": wrong]).hasPrefix("wrong setting: QUESTLINE_PROXIES "), "\(wrong)")
        }
        #expect(problems(["QUESTLINE_PROXIES": "10.0.0.0/8, ::1"]) == "")
        for wrong in [
            "example.com", "https://a.example/", "https://a.example,*", "https://*.example", "https://A.example",
            "null",
            "https://a.example:443", "http://a.example:80", "https://a.example:0", "https://", "https://a b", "://x",
        ] {
            #expect(
                problems(["QUESTLINE_CORS_ORIGINS": wrong]).hasPrefix("wrong setting: QUESTLINE_CORS_ORIGINS "),
                "\(wrong)")
        }
        for right in ["*", "https://a.example", "http://localhost:3000, https://[::1]:8443", "capacitor://localhost"] {
            #expect(problems(["QUESTLINE_CORS_ORIGINS": right]) == "", "\(right)")
        }
        let long = String(repeating: "s", count: 32)
        let name = "QUESTLINE_JWT_PREVIOUS_SECRETS"
        #expect(problems([name: "\(long),short"]).contains(name))
        #expect(problems([name: "\(long)1, \(long)2\n\(long)3\n"]) == "")
        let production = ["QUESTLINE_ENV": "production", "QUESTLINE_JWT_SECRET": long]
        #expect(problems(production) == "")
        for known in [FrontSettings.localTokenSecret, "\(long),\(FrontSettings.localTokenSecret)"] {
            let found = problems(production.merging([name: known]) { $1 })
            #expect(found == "wrong setting: \(name) holds the well-known default in production")
        }
        #expect(problems(["QUESTLINE_ENV": "production", name: long]).contains("QUESTLINE_JWT_SECRET must be set"))
    }
}
