import HTTPTypes
import Hummingbird
import NIOCore
import Runtime

/// For load balancers and people: is it alive, can it work.
struct HealthController: Sendable {
    let pulse: Pulse

    func addProbes(to routes: inout Routes) {
        routes.get("livez") { _, _ in .plain("ok\n") }
        routes.get("readyz") { _, _ in
            switch pulse.readiness {
            case .ready: .plain("ok\n")
            case .waiting(let reasons):
                .plain(reasons.joined(separator: "\n") + "\n", status: .serviceUnavailable)
            }
        }
    }

    func add(to routes: inout Routes) {
        routes.get("utils/health-check") { _, _ in .json(true) }
    }
}

extension Response {
    static func plain(_ text: String, status: HTTPResponse.Status = .ok) -> Response {
        Response(
            status: status, headers: [.contentType: "text/plain; charset=utf-8", .cacheControl: "no-store"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
    }
}
