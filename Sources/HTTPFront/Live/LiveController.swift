import Domain
import HTTPTypes
import Hummingbird
import NIOCore

/// What a person has, as a stream of whole snapshots (Server-Sent Events, the HTML standard, section 9.2).
struct LiveController: Sendable {
    let hub: LiveHub
    let gate: Gate

    func add(to routes: inout Routes) {
        routes.get("users/:user_id/live") { request, context in
            let bearer = try await gate.person(request)
            let id = try Gate.subject(of: .person(bearer), context, keys: false)
            // HEAD has no body that could be followed.
            guard request.method == .get else { return Response(status: .ok, headers: LiveController.headers) }
            let stream = try hub.open(bearer, watching: id, has: request.headers[.lastEventID])
            return Response(status: .ok, headers: LiveController.headers, body: LiveController.body(stream))
        }
    }

    private static let headers: HTTPFields = [
        .contentType: "text/event-stream", .cacheControl: "no-store, no-transform",
        // nginx would keep messages until it has a page full of them.
        .xAccelBuffering: "no",
    ]

    private static func body(_ stream: LiveStream) -> ResponseBody {
        ResponseBody { writer in
            defer { stream.hub.close(stream.id) }
            // The first bytes open the page's stream, whether there is news or not.
            try await writer.write(ByteBuffer(string: "retry: 1000\n\n"))
            for await _ in stream.looks {
                switch stream.hub.next(for: stream.id) {
                case .nothing: continue
                case .send(let message): try await writer.write(message)
                case .last(let message):
                    try await writer.write(message)
                    try await writer.finish(nil)
                    return
                }
            }
            try await writer.finish(nil)
        }
    }
}

extension HTTPField.Name {
    static let lastEventID = HTTPField.Name("Last-Event-ID") ?? .server
}
