import Domain
import Foundation
import Postgres
import TestSupport
import Testing

extension Guarantees {
    /// A request can be followed from the front's log to the row of its event.
    @Suite struct Traces {
        @Test(.timeLimit(.minutes(2))) func requestAndTraceReachTheRowAndBothLogs() async throws {
            try await Stage.with { stage in
                let loud = ["QUESTLINE_LOG_LEVEL": "debug"]
                try await stage.migrate()
                let worker = try await stage.worker(roles: nil, loud)
                let front = try await stage.front(loud)
                _ = try await front.signUp("Ann")
                // A first sign-in goes through the outbox, the next one and ingest through the stream.
                var requests: [(event: Identifier, number: Int)] = []
                for number in 1...2 {
                    let answer = try await front.signIn("Ann", headers: headers(number))
                    requests.append((event: try #require(answer.event), number: number))
                }
                let event = Identifier.timeOrdered(at: .now)
                #expect(try await front.ingest(event, of: .random(), headers: headers(3)).status == 202)
                requests.append((event: event, number: 3))
                for (event, number) in requests {
                    try await eventually("event \(number) is recorded") { try await stage.isRecorded(event) }
                    let row = try await stage.database.query(
                        "SELECT event_data->>'request_id', event_data->>'traceparent' FROM processing.events WHERE id = \(event)",
                        operation: "observe")
                    #expect(try row.first?.decode(0, as: String.self) == "request-\(number)")
                    #expect(try row.first?.decode(1, as: String.self) == headers(number)["traceparent"])
                    for process in [front.process, worker] {
                        let line = try await process.line(containing: "event_id=\(event)")
                        #expect(line.contains("request_id=request-\(number)"), "\(line)")
                        #expect(line.contains("trace_id=\(trace(number))"), "\(line)")
                    }
                }
            }
        }

        @Test(.timeLimit(.minutes(2))) func aSignInIsFoundByTheIdThatTheFrontMadeUp() async throws {
            try await Stage.with { stage in
                try await stage.migrate()
                _ = try await stage.worker()
                let front = try await stage.front()
                _ = try await front.signUp("Ann")
                for _ in 1...2 {
                    let answer = try await front.signIn("Ann")
                    let event = try #require(answer.event)
                    let request = try #require(answer.headers["x-request-id"])
                    try await eventually("it is recorded") { try await stage.isRecorded(event) }
                    let found = try await stage.database.query(
                        "SELECT id FROM processing.events WHERE event_data->>'request_id' = \(request)",
                        operation: "observe")
                    #expect(try found.map { try $0.decode(0, as: Identifier.self) } == [event])
                }
            }
        }

        @Test(.timeLimit(.minutes(2))) func anEventOfNamelessOriginHasNoData() async throws {
            try await Stage.with { stage in
                try await stage.migrate()
                _ = try await stage.worker()
                let front = try await stage.front()
                let event = Identifier.timeOrdered(at: .now)
                let bad = ["X-Request-Id": "not an id", "traceparent": "00-xyz"]
                #expect(try await front.ingest(event, of: .random(), headers: bad).status == 202)
                try await eventually("it is recorded") { try await stage.isRecorded(event) }
                #expect(
                    try await stage.number("SELECT count(*) FROM processing.events WHERE event_data IS NOT NULL") == 0)
            }
        }

        private func trace(_ number: Int) -> String { "4bf92f3577b34da6a3ce929d0e0e473\(number)" }

        private func headers(_ number: Int) -> [String: String] {
            ["X-Request-Id": "request-\(number)", "traceparent": "00-\(trace(number))-00f067aa0ba902b7-01"]
        }
    }
}
