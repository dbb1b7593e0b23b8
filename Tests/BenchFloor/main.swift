import Foundation
import HTTPTypes
import Hummingbird
import Logging
import NIOCore

// The floor that `ops/bench catalog` and `ops/bench front` compare the front with: one route that answers the same bytes
// whoever asks; a POST to it is read whole first. Arguments: a port, and the file that holds the bytes.
guard CommandLine.arguments.count == 3, let port = Int(CommandLine.arguments[1]),
    let bytes = FileManager.default.contents(atPath: CommandLine.arguments[2])
else {
    print("usage: BenchFloor PORT FILE")
    exit(64)
}
let router = Router()
let body = ByteBuffer(bytes: bytes)
router.get("bytes") { _, _ in
    Response(status: .ok, headers: [.contentType: "application/json"], body: ResponseBody(byteBuffer: body))
}
router.post("bytes") { request, _ in
    _ = try await request.body.collect(upTo: 1 << 21)
    return Response(
        status: .accepted, headers: [.contentType: "application/json"], body: ResponseBody(byteBuffer: body))
}
var logger = Logger(label: "floor")
logger.logLevel = .notice
try await Application(
    router: router, configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: port)), logger: logger
).runService()
