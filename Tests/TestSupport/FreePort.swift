import Glibc

public enum FreePort {
    public struct Failure: Error {}

    /// A TCP port of 127.0.0.1 that nobody listens on at this moment. It is not one that the kernel gives to outgoing
    /// connections, so that a server can come back to it after a while.
    public static func find() throws -> Int {
        for _ in 0..<100 {
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            guard descriptor >= 0 else { throw Failure() }
            defer { close(descriptor) }
            if let port = try? listen(descriptor, on: .random(in: 15_000..<32_000)) { return port }
        }
        throw Failure()
    }

    /// Binds `descriptor` and listens on it; port 0 stands for any.
    static func listen(_ descriptor: Int32, on port: UInt16 = 0) throws -> Int {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                bind(descriptor, generic, length) == 0 && Glibc.listen(descriptor, 16) == 0
                    && getsockname(descriptor, generic, &length) == 0
            }
        }
        guard isBound else { throw Failure() }
        return Int(UInt16(bigEndian: address.sin_port))
    }
}
