import FoundationEssentials
import Hummingbird
import NIOCore
import Operations

/// How the whole installation stands, for admins.
struct StatusController: Sendable {
    let status: StatusReader
    let activity: Activity
    let gate: Gate

    func add(to routes: inout Routes) {
        routes.get("activity") { request, _ in
            _ = try await gate.admin(request)
            return .list(activity.json)
        }
        routes.get("status") { request, _ in
            _ = try await gate.admin(request)
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys]
            let body = try encoder.encode(await status.read())
            return Response(
                status: .ok, headers: [.contentType: "application/json", .cacheControl: "no-store"],
                body: ResponseBody(byteBuffer: ByteBuffer(bytes: body)))
        }
    }
}
