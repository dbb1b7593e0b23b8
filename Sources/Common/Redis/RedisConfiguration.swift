/// Where the server is and how long to wait for it.
public struct RedisConfiguration: Sendable {
    public enum Address: Equatable, Sendable {
        case tcp(host: String, port: Int32)
        case unix(path: String)
    }

    public var address: Address
    public var user: String?
    public var password: String?
    /// The number for SELECT.
    public var database: Int
    /// For name resolution and connecting together with the first exchange, each.
    public var connectTimeout: Duration = .seconds(2)
    /// From the call to its answer, waiting for a turn included.
    public var commandTimeout: Duration = .seconds(5)
    /// Commands that may wait or be on their way at once.
    public var queueLimit = 10_000
    /// Where the connection is served; nil for Swift's own threads. Callers that run there are spared changes of threads.
    public var executor: (any TaskExecutor)?
    /// What `CLIENT LIST` shows.
    public var clientName = "questline"

    /// Reads `redis://[user][:password@]host[:port][/database]` or `unix:///path[?db=n&user=u&password=p]`; parts may
    /// be percent-encoded.
    ///
    /// - Throws: `RedisError` with code `.configuration` that names what is wrong and never holds the password.
    public init(url: String) throws(RedisError) {
        guard let schemeEnd = url.firstRange(of: "://") else {
            throw RedisConfiguration.wrong("is not a URL: redis://host:6379 or unix:///path is expected")
        }
        let scheme = url[..<schemeEnd.lowerBound].lowercased()
        var parts = URLParts(url[schemeEnd.upperBound...])
        database = 0
        switch scheme {
        case "redis":
            let userInfo = parts.takeUserInfo()
            (user, password) = try RedisConfiguration.credentials(userInfo)
            address = try RedisConfiguration.tcpAddress(parts.authority)
            let path = parts.path.dropFirst()
            if !path.isEmpty { database = try RedisConfiguration.databaseNumber(path) }
        case "unix", "redis+unix":
            guard parts.authority.isEmpty, parts.path.count > 1, let path = URLParts.decoded(parts.path) else {
                throw RedisConfiguration.wrong("has no path to a socket: unix:///run/redis.sock is expected")
            }
            address = .unix(path: path)
        case "rediss":
            throw RedisConfiguration.wrong("asks for TLS (rediss), which is not supported")
        default:
            throw RedisConfiguration.wrong("has an unknown scheme: redis or unix is expected")
        }
        for (name, value) in parts.query {
            guard let value = URLParts.decoded(value) else {
                throw RedisConfiguration.wrong("has bad percent-encoding in '\(name)'")
            }
            switch name {
            case "db": database = try RedisConfiguration.databaseNumber(value[...])
            case "user": user = value
            case "password": password = value
            default: throw RedisConfiguration.wrong("has an unknown option '\(name)'")
            }
        }
        if let user, password == nil {
            throw RedisConfiguration.wrong("has a user ('\(user)') without a password")
        }
    }

    private static func wrong(_ detail: String) -> RedisError {
        RedisError(.configuration, "Redis URL", detail)
    }

    private static func credentials(_ text: Substring?) throws(RedisError) -> (user: String?, password: String?) {
        guard let text else { return (nil, nil) }
        guard let colon = text.firstIndex(of: ":") else {
            // Not echoed: some tools write a lone password here.
            throw wrong("has a user without a password: redis://user:password@host or redis://:password@host")
        }
        guard let user = URLParts.decoded(text[..<colon]),
            let password = URLParts.decoded(text[text.index(after: colon)...])
        else { throw wrong("has bad percent-encoding in user or password") }
        return (user.isEmpty ? nil : user, password.isEmpty ? nil : password)
    }

    private static func tcpAddress(_ authority: Substring) throws(RedisError) -> Address {
        var host = authority
        var port: Int32 = 6379
        let portSearch = authority.lastIndex(of: "]").map { authority[$0...] } ?? authority
        if let colon = portSearch.lastIndex(of: ":") {
            host = authority[..<colon]
            guard let number = Int32(authority[authority.index(after: colon)...]), (1...65_535).contains(number) else {
                throw wrong("has a port that is not a number from 1 to 65535")
            }
            port = number
        }
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            throw wrong("has an IPv6 address without brackets")
        }
        guard let host = URLParts.decoded(host), !host.isEmpty, !host.utf8.contains(0) else {
            throw wrong("has no host")
        }
        return .tcp(host: host, port: port)
    }

    private static func databaseNumber(_ text: Substring) throws(RedisError) -> Int {
        guard let number = Int(text), number >= 0 else { throw wrong("has a database that is not a number") }
        return number
    }
}

extension RedisConfiguration: CustomStringConvertible {
    /// The address without user and password.
    public var description: String {
        switch address {
        case .tcp(let host, let port): "redis://\(host.contains(":") ? "[\(host)]" : host):\(port)/\(database)"
        case .unix(let path): "unix://\(path)?db=\(database)"
        }
    }
}

/// What follows `scheme://`.
private struct URLParts {
    var authority: Substring
    let path: Substring
    let query: [(name: String, value: Substring)]

    init(_ text: Substring) {
        let end = text.firstIndex { $0 == "?" || $0 == "#" } ?? text.endIndex
        // A password may hold an unencoded slash; the last @ before the query ends it.
        let hostStart = text[..<end].lastIndex(of: "@") ?? text.startIndex
        let pathStart = text[hostStart..<end].firstIndex(of: "/") ?? end
        authority = text[..<pathStart]
        path = text[pathStart..<end]
        let rest = text[end...].dropFirst().prefix { $0 != "#" }
        query = rest.split(separator: "&").map { option in
            let name = option.prefix { $0 != "=" }
            return (String(name), option.dropFirst(name.count + 1))
        }
    }

    mutating func takeUserInfo() -> Substring? {
        guard let at = authority.lastIndex(of: "@") else { return nil }
        defer { authority = authority[authority.index(after: at)...] }
        return authority[..<at]
    }

    static func decoded(_ text: some StringProtocol) -> String? {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard rest.count >= 2, let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) else {
                return nil
            }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        return String(validating: bytes, as: UTF8.self)
    }
}
