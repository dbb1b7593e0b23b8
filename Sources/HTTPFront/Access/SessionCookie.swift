import HTTPTypes
import Hummingbird

/// The cookie in which our own pages keep an access token, where no script can read it.
enum SessionCookie {
    /// Over https; browsers take this name only with `Secure`, for this host and for every path.
    static let secureName = "__Host-questline"
    static let plainName = "questline"

    /// The token that a browser has sent, nil without one.
    static func token(in request: Request) -> Substring? {
        let pairs = request.headers[values: .cookie].joined(separator: ";").split(separator: ";").map { pair in
            pair.drop { $0 == " " }
        }
        for name in [secureName, plainName] {
            if let pair = pairs.first(where: { $0.hasPrefix(name + "=") }) {
                let token = pair.dropFirst(name.count + 1)
                if !token.isEmpty { return token }
            }
        }
        return nil
    }

    /// A value of `Set-Cookie`.
    ///
    /// - Parameters:
    ///   - token: made of letters, digits, `-`, `_` and `.`.
    ///   - isSecure: whether the browser speaks https.
    static func setting(_ token: String, seconds: Int64, isSecure: Bool) -> String {
        let name = isSecure ? secureName : plainName
        return "\(name)=\(token); Path=/; Max-Age=\(seconds); HttpOnly; SameSite=Strict" + (isSecure ? "; Secure" : "")
    }

    /// A value of `Set-Cookie` that removes it.
    static func removing(isSecure: Bool) -> String { setting("", seconds: 0, isSecure: isSecure) }
}

extension Request {
    /// Whether it asks for something and changes nothing.
    var isReading: Bool { [.get, .head, .options].contains(method) }

    /// Whether a page of this very address has sent it. Browsers send `Origin` with every change, and no script can choose
    /// it. The gateway must leave `Host` as it is.
    var isFromOwnPage: Bool {
        guard let origin = headers[.origin], let host = head.authority,
            let mark = origin.firstRange(of: "://"), ["http", "https"].contains(origin[..<mark.lowerBound])
        else { return false }
        return origin[mark.upperBound...].lowercased() == host.lowercased()
    }
}
