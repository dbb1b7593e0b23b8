import Domain
import Foundation
import FoundationNetworking
import Redis
import Streams
import TestSupport
import Testing

/// What `/metrics` and the probes of real processes say.
@Suite("Metrics of processes")
struct MetricsTests {
    @Test("Events are counted by what became of them, under types that are known", .timeLimit(.minutes(2)))
    func events() async throws {
        try await Stage.with { stage in
            try await stage.migrate()
            let worker = try await Probes(of: try await stage.worker())
            let started = try await worker.metrics()
            for outcome in ["recorded", "duplicate", "dead_letter"] {
                #expect(started[processed("UserSignIn", outcome)] == 0, "\(outcome)")
                #expect(started[processed("QuestCompleted", outcome)] == 0, "\(outcome)")
            }
            #expect(started[#"quest_dead_letters_total{group="progress"}"#] == 0)

            let events = SignIns.person(3)
            try await stage.publish(events)
            // Whoever has a key may make up types as he likes.
            let odd = try (0..<40).map { SignIns.event(type: try #require(EventType("MadeUp\($0)"))) }
            try await stage.publish(odd)
            try await stage.publish([events[1], events[2], odd[0]])
            _ = try await stage.redis.send(["XADD", stage.keys.signIns, "*", "event_id", "nonsense"])
            var found: [String: Double] = [:]
            try await eventually("everything is counted") {
                found = try await worker.metrics()
                return found[processed("UserSignIn", "duplicate")] == 2 && found[processed("other", "duplicate")] == 1
                    && found[#"quest_dead_letters_total{group="progress"}"#] == 1
                    && found[processed("QuestCompleted", "recorded")] == 1
                    && found[#"quest_unclaimed_rewards{item="diamond"}"#] == 1
                    && found[#"quest_event_duration_seconds_count{group="claims"}"#] == 1
                    && found[#"quest_event_duration_seconds_count{group="progress"}"#] ?? 0 >= 43
                    && found["quest_dead_letters"] == 1 && found[#"quest_outbox_backlog{outbox="completions"}"#] == 0
            }
            #expect(found[processed("NewUserSignIn", "recorded")] == 1)
            #expect(found[processed("UserSignIn", "recorded")] == 2)
            #expect(found[processed("other", "recorded")] == 40)
            #expect(!found.keys.contains { $0.contains("MadeUp") })
            #expect(found[#"quest_event_duration_seconds_count{group="progress"}"#] == 43, "each event once")
            #expect(found[#"quest_unclaimed_rewards{item="gold"}"#] == 0)
            let group = #"{group="progress",stream="\#(stage.keys.signIns)"}"#
            try await eventually("nothing waits any more") {
                let now = try await worker.metrics()
                return now["quest_stream_lag\(group)"] == 0 && now["quest_stream_pending\(group)"] == 0
                    && now["quest_stream_oldest_pending_seconds\(group)"] == 0
            }
        }
    }

    @Test("A batch that is delivered again, whole or in part, is no new event", .timeLimit(.minutes(2)))
    func mixed() async throws {
        try await Stage.with { stage in
            try await stage.migrate()
            let events = SignIns.crowd(10, each: 3)
            try await stage.publish(events)
            // Published before there is anybody to read: old and new ones come in one batch.
            try await stage.publish(Array(events.prefix(7)))
            let worker = try await Probes(of: try await stage.worker())
            try await eventually("all are counted") {
                let now = try await worker.metrics()
                return (now[processed("UserSignIn", "duplicate")] ?? 0)
                    + (now[processed("NewUserSignIn", "duplicate")] ?? 0)
                    == 7 && now[#"quest_event_duration_seconds_count{group="progress"}"#] == 30
            }
            let found = try await worker.metrics()
            #expect(found[processed("NewUserSignIn", "recorded")] == 10)
            #expect(found[processed("UserSignIn", "recorded")] == 20)
            try await eventually("the claims are stored") {
                try await worker.metrics()[processed("QuestCompleted", "recorded")] == 10
            }
        }
    }

    @Test("One of several workers counts in the database, and another one takes that over", .timeLimit(.minutes(2)))
    func reporter() async throws {
        try await Stage.with { stage in
            try await stage.migrate()
            let (first, second) = (try await stage.worker(), try await stage.worker())
            let probes = try await [Probes(of: first), Probes(of: second)]
            let figure = #"quest_outbox_backlog{outbox="sign-ins"}"#
            let lag = #"quest_stream_lag{group="progress",stream="\#(stage.keys.signIns)"}"#
            func reporting() async throws -> [Int] {
                var found: [Int] = []
                for (place, probe) in probes.enumerated() where try await probe.metrics()[figure] != nil {
                    found.append(place)
                }
                return found
            }
            try await eventually("one of them counts") { try await reporting().count == 1 }
            try await eventually("both see the streams") {
                for probe in probes where try await probe.metrics()[lag] != 0 { return false }
                return true
            }
            let place = try #require(try await reporting().first)
            let leaving = [first, second][place]
            try await leaving.signal(SIGTERM)
            #expect(try await leaving.exitCode() == 0)
            try await eventually("the other one counts") { try await probes[1 - place].metrics()[figure] == 0 }
        }
    }

    @Test(
        "What cannot be asked is not shown, readyz names what is missing in time, and livez needs nobody",
        .timeLimit(.minutes(3)))
    func redisAway() async throws {
        try await Stage.withPrivateRedis { stage, redis in
            try await stage.migrate()
            let worker = try await Probes(of: try await stage.worker())
            let front = try await Probes(of: try await stage.front().process)
            let lag = #"quest_stream_lag{group="progress",stream="quest:signins"}"#
            try await eventually("the streams are seen") {
                let (here, there) = (try await worker.metrics(), try await front.metrics())
                return here[lag] == 0 && there["quest_backlog_entries"] == 0
            }
            try await eventually("it is ready") { try await worker.get("/readyz") == (200, "ok\n") }
            // It hangs, which is worse than to refuse.
            redis.freeze()
            try await eventually("it says what is missing") {
                try await worker.get("/readyz") == (503, "Redis is away\n")
            }
            for probe in [worker, front] { #expect(try await probe.get("/livez") == (200, "ok\n")) }
            try await eventually("nobody shows an old number") {
                let (here, there) = (try await worker.metrics(), try await front.metrics())
                return here[lag] == nil && here["quest_dead_letters"] == nil && there["quest_backlog_entries"] == nil
            }
            // Who asks Postgres still can.
            try await eventually("the outboxes are counted") {
                try await worker.metrics()[#"quest_outbox_backlog{outbox="sign-ins"}"#] == 0
            }
            redis.thaw()
            try await eventually("they are seen again") {
                let (here, there) = (try await worker.metrics(), try await front.metrics())
                return here[lag] == 0 && there["quest_backlog_entries"] == 0
            }
            try await eventually("it is ready") { try await worker.get("/readyz") == (200, "ok\n") }
        }
    }

    @Test("Without Postgres the streams are shown and the outboxes are not", .timeLimit(.minutes(3)))
    func postgresAway() async throws {
        try await Stage.withPrivatePostgres { stage, postgres in
            try await postgres.start()
            try await stage.migrate()
            let worker = try await Probes(of: try await stage.worker())
            let front = try await Probes(of: try await stage.front().process)
            let lag = #"quest_stream_lag{group="progress",stream="\#(stage.keys.signIns)"}"#
            let figures = [
                #"quest_outbox_backlog{outbox="sign-ins"}"#, #"quest_unclaimed_rewards{item="gold"}"#, "quest_losses",
            ]
            try await eventually("all is counted") {
                let (here, there) = (try await worker.metrics(), try await front.metrics())
                return figures.allSatisfy { here[$0] == 0 } && there["quest_outbox_rows"] == 0
            }
            try await postgres.kill()
            try await eventually("nobody shows an old number") {
                let (here, there) = (try await worker.metrics(), try await front.metrics())
                return figures.allSatisfy { here[$0] == nil } && there["quest_outbox_rows"] == nil && here[lag] == 0
            }
            try await eventually("it says what is missing") {
                try await worker.get("/readyz") == (503, "Postgres is away\n")
            }
            for probe in [worker, front] { #expect(try await probe.get("/livez") == (200, "ok\n")) }
            try await postgres.start()
            try await eventually("all is counted again") {
                let (here, there) = (try await worker.metrics(), try await front.metrics())
                return figures.allSatisfy { here[$0] == 0 } && there["quest_outbox_rows"] == 0
            }
        }
    }

    @Test("Requests are counted by route and never by path; build and pools are shown", .timeLimit(.minutes(2)))
    func requests() async throws {
        try await Stage.with { stage in
            try await stage.migrate()
            let front = try await stage.front()
            let probes = try await Probes(of: front.process)
            for _ in 0..<3 {
                _ = try await front.send("GET", "/api/v1/users/\(Identifier.random())/progress")
                _ = try await front.send("GET", "/nowhere/\(Identifier.random())")
                // A method that HTTP knows and no route has.
                for method in ["MKACTIVITY", "MERGE"] { _ = try await front.send(method, "/api/v1/quests/") }
            }
            let found = try await probes.metrics()
            let requests = found.filter { $0.key.hasPrefix("http_server_requests_total") }
            #expect(requests.values.reduce(0, +) == 12, "\(requests)")
            let route = #"http_route="/api/v1/users/{user_id}/progress""#
            #expect(requests.first { $0.key.contains(route) }?.value == 3, "\(requests)")
            #expect(requests.count == 3, "\(requests)")
            #expect(requests.first { $0.key.contains(#"http_request_method="OTHER""#) }?.value == 6, "\(requests)")
            #expect(found.keys.contains { $0.hasPrefix("http_server_request_duration_seconds_count") })
            let build = try #require(found.keys.first { $0.hasPrefix("quest_build_info") })
            #expect(build.contains(#"version="#) && build.contains(#"program="questline-front""#))
            #expect(found[#"quest_pool_limit{pool="main"}"#] == 8)
            #expect(found[#"quest_pool_connections{pool="main",state="in_use"}"#] != nil)
            #expect(found[#"quest_pool_waiting{pool="explain"}"#] == 0)
            for source in ["memory", "redis", "postgres"] {
                #expect(found[#"quest_catalog_reads_total{source="\#(source)"}"#] != nil, "\(source)")
            }
        }
    }

    private func processed(_ type: String, _ outcome: String) -> String {
        #"quest_events_processed_total{outcome="\#(outcome)",type="\#(type)"}"#
    }
}

/// The probe port of a process.
private struct Probes: Sendable {
    let base: String

    init(of process: ChildProcess) async throws {
        let line = try await process.line(containing: "probes listen")
        guard let url = line.split(separator: " ").first(where: { $0.hasPrefix("url=") })?.dropFirst(4) else {
            throw Unrecoverable("no address in '\(line)'")
        }
        base = String(url)
    }

    func get(_ path: String) async throws -> (Int, String) {
        guard let url = URL(string: base + path) else { throw Unrecoverable("\(base)\(path) is no URL") }
        var request = URLRequest(url: url)
        request.timeoutInterval = 10
        let (data, response) = try await URLSession.shared.data(for: request)
        return ((response as? HTTPURLResponse)?.statusCode ?? 0, String(decoding: data, as: UTF8.self))
    }

    /// Values by series, as they are written.
    func metrics() async throws -> [String: Double] {
        let lines = try await get("/metrics").1.split(separator: "\n").filter { !$0.hasPrefix("#") }
        return lines.reduce(into: [:]) { found, line in
            guard let space = line.lastIndex(of: " ") else { return }
            found[String(line[..<space])] = Double(line[line.index(after: space)...])
        }
    }
}
