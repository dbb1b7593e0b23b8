import Domain
import HTTPTypes
import Hummingbird
import Identity
import Logging
import NIOCore

/// Trusted ingest: other servers report the sign-ins of people who have an account there.
struct SignInsController: Sendable {
    let gate: Gate
    let intake: Intake

    func add(to routes: inout Routes) {
        routes.post("sign-ins") { request, context in
            let sender = try await gate.key(request)
            let batch = SignInBatch(
                sender: sender, idempotencyKey: try idempotencyKey(request),
                origin: context.origin, now: .now)
            let events = try batch.events(in: try await request.json(context))
            try await intake.accept(events)
            context.debug(
                "accepted sign-ins, the first of them",
                ["events": "\(events.count)", "event_id": "\(events.first?.id.description ?? "-")"])
            return Response(
                status: .accepted, headers: [.contentType: "application/json"],
                body: ResponseBody(byteBuffer: SignInsController.answer(events)))
        }
    }

    /// `{"accepted":1,"event_ids":["…"]}`, in the order of the events.
    static func answer(_ events: [SignInEvent]) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.reserveCapacity(40 + 39 * events.count)
        buffer.writeString("{\"accepted\":\(events.count),\"event_ids\":[")
        for (index, event) in events.enumerated() {
            if index > 0 { buffer.writeInteger(UInt8(ascii: ",")) }
            buffer.writeInteger(UInt8(ascii: "\""))
            let id = event.id.text
            id.span.withUnsafeBufferPointer { _ = buffer.writeBytes($0) }
            buffer.writeInteger(UInt8(ascii: "\""))
        }
        buffer.writeStaticString("]}")
        return buffer
    }

    private func idempotencyKey(_ request: Request) throws -> String? {
        guard let key = request.headers.value(of: .idempotencyKey) else { return nil }
        guard (1...255).contains(key.utf8.count), key.utf8.allSatisfy({ (0x20...0x7e).contains($0) }) else {
            throw Problem.malformed("Idempotency-Key must have 1 to 255 printable ASCII characters")
        }
        return key
    }
}
