import CPages
import Crypto
import Hummingbird
import NIOCore

/// The files that browsers load, as they stand in `Browser/`: part of the executable, and as real files they can be edited
/// with any tool. They are served under a name that changes with any of them, so browsers keep them for good.
struct PageFiles: Sendable {
    struct File: Sendable {
        let type: String
        let body: ByteBuffer
    }

    /// A digest of all of them together, so that what a page loads belongs together.
    let version: String
    private let files: [String: File]

    /// - Throws: `MissingPageFile` for a name of a kind that is not served.
    init() throws {
        var files: [String: File] = [:]
        var digest = SHA256()
        for number in 0... {
            let file = page_file(number)
            guard let name = file.name.map({ String(cString: $0) }), let bytes = file.bytes else { break }
            let body = ByteBuffer(bytes: UnsafeBufferPointer(start: bytes, count: file.size))
            guard let type = PageFiles.types[String(name.drop { $0 != "." })] else { throw MissingPageFile(name: name) }
            digest.update(data: Array(name.utf8))
            digest.update(data: Array(body.readableBytesView))
            files[name] = File(type: type, body: body)
        }
        version = digest.finalize().prefix(8).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        self.files = files
    }

    subscript(name: String) -> File? { files[name] }

    /// A page in which the place of the files stands for `{{assets}}`.
    ///
    /// - Throws: `MissingPageFile`.
    func page(_ name: String) throws -> String {
        guard let file = files[name] else { throw MissingPageFile(name: name) }
        return String(buffer: file.body).replacing("{{assets}}", with: "/assets/\(version)")
    }

    private static let types = [
        ".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8",
        ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
    ]
}

/// A page was compiled without one of its files.
struct MissingPageFile: Error, CustomStringConvertible {
    let name: String

    var description: String { "the file \(name) of the pages is not part of this executable, or of an unknown kind" }
}
